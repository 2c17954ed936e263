/** So much may lie unread. */
const mostUnread = { payloads: 64, chars: 65_536 } as const;

/** Puts a streamed answer together, so that a job's record holds what its client saw. Pure but for its own state. */
export class StreamAssembly {
  private readonly choices = new Map<number, Choice>();
  private head: Chunk | null = null;
  private usage: unknown = null;
  private bytes = 0;
  /** Whether anything came that says more than that an answer will follow. */
  hasToken = false;
  private readonly mostBytes: number;
  private unread: string[] = [];
  private unreadChars = 0;

  /** @param mostBytes of all payloads together; of an answer beyond it only the ends of its choices are kept */
  constructor(mostBytes: number) {
    this.mostBytes = mostBytes;
  }

  /** Whether every choice has said why it ended. */
  get isFinished(): boolean {
    this.readAll();
    return this.choices.size > 0 && [...this.choices.values()].every(({ finish }) => finish !== null);
  }

  private get isTooLarge(): boolean {
    return this.bytes > this.mostBytes;
  }

  addAll(payloads: readonly string[]): void {
    for (const payload of payloads) this.add(payload);
  }

  /** After the first token, payloads are read many at a time, which costs less than one by one. */
  add(payload: string): void {
    this.bytes += payload.length;
    this.unread.push(payload);
    this.unreadChars += payload.length;
    const isMuch = this.unread.length >= mostUnread.payloads || this.unreadChars > mostUnread.chars;
    if (isMuch || !this.hasToken) this.readAll();
  }

  /** The answer as it would have come without `stream`; null when it was no answer of choices, or is too large. */
  result(): { readonly output: unknown; readonly usage: unknown } {
    this.readAll();
    if (this.head === null || this.choices.size === 0 || this.isTooLarge) {
      return { output: null, usage: this.usage };
    }
    const { object, choices: _, usage: __, ...head } = this.head;
    const choices = [...this.choices]
      .sort(([a], [b]) => a - b)
      .map(([index, choice]) => whole(index, choice));
    const output = {
      ...head,
      object: typeof object === 'string' ? object.replace(/\.chunk$/, '') : 'chat.completion',
      choices,
      usage: this.usage,
    };
    return { output, usage: this.usage };
  }

  private readAll(): void {
    const payloads = this.unread;
    this.unread = [];
    this.unreadChars = 0;
    for (const chunk of parseAll(payloads)) this.read(chunk);
  }

  private read(chunk: Chunk | null): void {
    this.hasToken ||= chunk === null || !isOpening(chunk);
    if (chunk === null) return;
    this.head ??= chunk;
    if (chunk.usage) this.usage = chunk.usage;
    for (const choice of chunk.choices ?? []) this.addChoice(choice);
  }

  private addChoice(part: ChunkChoice): void {
    const { index = 0, finish_reason: finish } = part;
    let choice = this.choices.get(index);
    if (choice === undefined) {
      choice = { message: null, text: null, logprobs: null, finish: null };
      this.choices.set(index, choice);
    }
    if (finish) choice.finish = finish;
    if (!this.isTooLarge) grow(choice, part);
  }
}

interface Choice {
  message: Fields | null;
  text: string | null;
  logprobs: Fields | null;
  finish: string | null;
}

type Fields = Record<string, unknown>;

interface ChunkChoice {
  readonly index?: number;
  readonly delta?: Fields;
  readonly text?: unknown;
  readonly logprobs?: Fields | null;
  readonly finish_reason?: string | null;
}

interface Chunk {
  readonly object?: unknown;
  readonly choices?: readonly ChunkChoice[];
  readonly usage?: unknown;
  readonly [name: string]: unknown;
}

function grow(choice: Choice, { delta, text, logprobs }: ChunkChoice): void {
  if (delta) choice.message = merge(choice.message ?? {}, delta);
  if (typeof text === 'string') choice.text = (choice.text ?? '') + text;
  if (logprobs) choice.logprobs = merge(choice.logprobs ?? {}, logprobs);
}

function whole(index: number, { message, text, logprobs, finish }: Choice): Fields {
  const ended = { index, finish_reason: finish, ...(logprobs === null ? {} : { logprobs }) };
  if (message === null) return { ...ended, text: text ?? '' };
  const calls = message.tool_calls;
  const toolCalls = Array.isArray(calls)
    ? { tool_calls: calls.map(({ index: _, ...call }: Fields) => call) }
    : {};
  return { ...ended, message: { role: 'assistant', content: null, ...message, ...toolCalls } };
}

/** Adds a delta to what is there: strings grow, except the few that name something; lists are merged by `index`. */
function merge(whole: Fields, delta: Fields): Fields {
  for (const name in delta) whole[name] = mergedValue(name, whole[name], delta[name]);
  return whole;
}

const mostItems = 1024;
const namesOfThings = new Set(['role', 'id', 'type', 'name']);

function mergedValue(name: string, before: unknown, value: unknown): unknown {
  if (value === null || value === undefined) return before ?? value;
  if (typeof before === 'string' && typeof value === 'string') {
    return namesOfThings.has(name) ? value || before : before + value;
  }
  if (Array.isArray(value)) return mergedList(Array.isArray(before) ? before : [], value);
  if (isFields(before) && isFields(value)) return merge(before, value);
  return value;
}

function mergedList(before: readonly unknown[], items: readonly unknown[]): unknown[] {
  const list = [...before];
  for (const item of items) {
    const at = placeOf(item) ?? list.length;
    const known = list[at];
    list[at] = isFields(known) && isFields(item) ? merge(known, item) : item;
  }
  return list;
}

/** The index of a list's item, where it says one that can be meant. */
function placeOf(item: unknown): number | null {
  const index = isFields(item) ? item.index : null;
  return typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < mostItems
    ? index
    : null;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Some servers send the role as soon as they have the request, long before the first token. */
function isOpening({ choices }: Chunk): boolean {
  if (!Array.isArray(choices) || choices.length === 0) return false;
  return choices.every(({ delta, finish_reason }: ChunkChoice) => {
    if (!isFields(delta) || finish_reason) return false;
    return Object.entries(delta).every(([name, value]) => name === 'role' || value === null || value === '');
  });
}

/** null for what is no JSON object. */
function parseAll(payloads: readonly string[]): readonly (Chunk | null)[] {
  const values = parseTogether(payloads) ?? payloads.map((payload) => orNull(() => JSON.parse(payload)));
  return values.map((value) => (isFields(value) ? value : null));
}

/** null where they are not one value each. */
function parseTogether(payloads: readonly string[]): readonly unknown[] | null {
  const list = orNull(() => JSON.parse(`[${payloads.join(',')}]`));
  return Array.isArray(list) && list.length === payloads.length ? list : null;
}

function orNull(parse: () => unknown): unknown {
  try {
    return parse();
  } catch {
    return null;
  }
}
