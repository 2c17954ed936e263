export type RecordedEvent = { readonly type?: string } & Readonly<Record<string, unknown>>;

interface Wait {
  readonly type: string;
  readonly facts: Record<string, unknown>;
  readonly resolve: (event: RecordedEvent) => void;
  readonly reject: (error: Error) => void;
}

/** Collects events and lets a test wait for one, so that no test sleeps. Each `next` takes an event at most once. */
export class EventRecorder {
  readonly all: RecordedEvent[] = [];
  private readonly untaken = new Set<RecordedEvent>();
  private readonly waits = new Set<Wait>();
  private failure: Error | null = null;

  readonly emit = (event: RecordedEvent): void => this.add(event);

  add(event: RecordedEvent): void {
    this.all.push(event);
    for (const wait of this.waits) {
      if (!matches(event, wait)) continue;
      this.waits.delete(wait);
      wait.resolve(event);
      return;
    }
    this.untaken.add(event);
  }

  next(type: string, facts: Record<string, unknown> = {}): Promise<RecordedEvent> {
    for (const event of this.untaken) {
      if (!matches(event, { type, facts })) continue;
      this.untaken.delete(event);
      return Promise.resolve(event);
    }
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => this.waits.add({ type, facts, resolve, reject }));
  }

  /** All events of a type so far, in order. */
  of(type: string): readonly RecordedEvent[] {
    return this.all.filter((event) => event.type === type);
  }

  fail(error: Error): void {
    this.failure = error;
    for (const wait of this.waits) wait.reject(error);
    this.waits.clear();
  }
}

function matches(
  event: RecordedEvent,
  { type, facts }: { type: string; facts: Record<string, unknown> },
): boolean {
  if (event.type !== type) return false;
  return Object.entries(facts).every(([name, value]) => event[name] === value);
}
