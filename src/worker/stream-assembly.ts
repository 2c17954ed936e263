/** Puts a streamed answer together, so that a job's record holds what its client saw. Pure but for its own state. */
export class StreamAssembly {
  private readonly choices = new Map<number, Choice>();
  private head: Chunk | null = null;
  private usage: unknown = null;
  private bytes = 0;
  /** Whether anything came that says more than that an answer will follow. */
  hasToken = false;
  private readonly mostBytes: number;

  /** @param mostBytes of all payloads together; of an answer beyond it only the ends of its choices are kept */
  constructor(mostBytes: number) {
    this.mostBytes = mostBytes;
  }

  /** Whether every choice has said why it ended. */
  get isFinished(): boolean {
    return this.choices.size > 0 && [...this.choices.values()].every(({ finish }) => finish !== null);
  }

  private get isTooLarge(): boolean {
    return this.bytes > this.mostBytes;
  }

  add(payload: string): void {
    this.bytes += payload.length;
    const chunk = parse(payload);
    this.hasToken ||= chunk === null || !isOpening(chunk);
    if (chunk === null) return;
    this.head ??= chunk;
    if (chunk.usage) this.usage = chunk.usage;
    for (const choice of chunk.choices ?? []) this.addChoice(choice);
  }

  /** The answer as it would have come without `stream`; null when it was no answer of choices, or is too large. */
  result(): { readonly output: unknown; readonly usage: unknown } {
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

  private addChoice({ index = 0, finish_reason, ...more }: ChunkChoice): void {
    const choice = this.choices.get(index) ?? { message: null, text: null, logprobs: null, finish: null };
    if (finish_reason) choice.finish = finish_reason;
    if (!this.isTooLarge) grow(choice, more);
    this.choices.set(index, choice);
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

function grow(choice: Choice, { delta, text, logprobs }: Omit<ChunkChoice, 'index' | 'finish_reason'>): void {
  if (delta) choice.message = merged(choice.message ?? {}, delta);
  if (typeof text === 'string') choice.text = (choice.text ?? '') + text;
  if (logprobs) choice.logprobs = merged(choice.logprobs ?? {}, logprobs);
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

/** Adds a delta: strings grow, except the few that name something; lists are merged by `index`. */
function merged(whole: Fields, delta: Fields): Fields {
  const result = { ...whole };
  for (const [name, value] of Object.entries(delta)) result[name] = mergedValue(name, result[name], value);
  return result;
}

const mostItems = 1024;
const namesOfThings = new Set(['role', 'id', 'type', 'name']);

function mergedValue(name: string, before: unknown, value: unknown): unknown {
  if (value === null || value === undefined) return before ?? value;
  if (typeof before === 'string' && typeof value === 'string') {
    return namesOfThings.has(name) ? value || before : before + value;
  }
  if (Array.isArray(value)) return mergedList(Array.isArray(before) ? before : [], value);
  if (isFields(before) && isFields(value)) return merged(before, value);
  return value;
}

function mergedList(before: readonly unknown[], items: readonly unknown[]): unknown[] {
  const list = [...before];
  for (const item of items) {
    const at = placeOf(item) ?? list.length;
    const known = list[at];
    list[at] = isFields(known) && isFields(item) ? merged(known, item) : item;
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

function parse(payload: string): Chunk | null {
  try {
    const value: unknown = JSON.parse(payload);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}
