import type { RoundhouseError } from '../contracts/errors.ts';
import type { JobId, ModelId } from '../contracts/ids.ts';
import { isTerminal, type JobMessage, type JobRecord, type NewJob } from '../contracts/job.ts';
import type { ApiDependencies } from './dependencies.ts';
import { MessageBuffer } from './message-buffer.ts';

/** What a waiting connection hears. After `ended` and `refused` nothing follows. */
export type LiveSignal =
  | JobMessage
  /** In its last state; null: the record is gone. `isLate`: found by re-reading, messages may have been missed. */
  | { readonly type: 'ended'; readonly record: JobRecord | null; readonly isLate: boolean }
  | { readonly type: 'refused'; readonly error: RoundhouseError };

export type LiveListener = (signal: LiveSignal) => void;

type Dependencies = Pick<ApiDependencies, 'jobs' | 'inbox' | 'clock'>;

const recheckMs = 5000;
const retryReadMs = 250;
/** After the record says that a stream is complete, its last tokens may still be on their way. */
const lastTokensMs = 1000;

/**
 * A job that connections of this process wait for. It listens to the inbox from before the job is submitted, and
 * re-reads the record now and then, so that no end is missed.
 */
export class LiveJob {
  readonly id: JobId;
  readonly model: ModelId;
  readonly createdAtMs: number;
  private readonly isStream: boolean;
  private readonly deps: Dependencies;
  private readonly listeners = new Set<LiveListener>();
  private readonly buffer = new MessageBuffer();
  private readonly unsubscribe: () => void;
  private cancelRecheck: () => void = () => undefined;
  private isReading = false;
  private readAgain = false;
  private hasSeenEnd = false;
  private isDisposed = false;
  private hasBeenHeard = false;
  private wasSettledUnheard = false;
  private end: Extract<LiveSignal, { type: 'ended' | 'refused' }> | null = null;

  constructor(deps: Dependencies, job: Pick<NewJob, 'id' | 'model' | 'createdAtMs' | 'stream'>) {
    this.deps = deps;
    this.id = job.id;
    this.model = job.model;
    this.createdAtMs = job.createdAtMs;
    this.isStream = job.stream;
    this.unsubscribe = deps.inbox.subscribe(job.id, (message, record) => this.receive(message, record));
  }

  get hasEnded(): boolean {
    return this.end !== null;
  }

  /** Ended without a result: asking again is a new job. */
  get hasFailed(): boolean {
    if (this.end === null) return false;
    return this.end.type === 'refused' || this.end.record?.status !== 'completed';
  }

  /** False when a stream has outgrown the memory for those who come late. */
  get canReplay(): boolean {
    return this.buffer.isWhole;
  }

  /** Hears everything from the start, what already came at once. Returns the function that ends it. */
  listen(listener: LiveListener): () => void {
    this.buffer.replay(listener);
    if (this.end) listener(this.end);
    if (this.isOver) return () => undefined;
    this.listeners.add(listener);
    this.recheckIn(recheckMs);
    if (this.wasSettledUnheard) this.read(false);
    else if (this.hasBeenHeard) this.read(true);
    this.hasBeenHeard = true;
    return () => this.listeners.delete(listener);
  }

  /** The queue did not take it. */
  refuse(error: RoundhouseError): void {
    this.finish({ type: 'refused', error });
  }

  /** Reads the record now, because something may have happened to it. */
  recheck(): void {
    this.read(true);
  }

  dispose(): void {
    this.isDisposed = true;
    this.cancelRecheck();
    this.unsubscribe();
    this.listeners.clear();
  }

  private get isOver(): boolean {
    return this.end !== null || this.isDisposed;
  }

  private receive(message: JobMessage, record: JobRecord | null = null): void {
    if (this.isOver) return;
    if (message.type === 'settled') {
      this.wasSettledUnheard = this.listeners.size === 0;
      if (record && !this.wasSettledUnheard) {
        this.finish({ type: 'ended', record, isLate: false });
        return;
      }
      this.read(false);
      return;
    }
    this.buffer.add(message);
    for (const listener of this.listeners) listener(message);
  }

  private recheckIn(ms: number): void {
    this.cancelRecheck();
    this.cancelRecheck = this.deps.clock.after(ms, () => this.read(true));
  }

  private read(isLate: boolean): void {
    if (this.isOver || this.listeners.size === 0) return;
    if (this.isReading) {
      this.readAgain ||= !isLate;
      return;
    }
    this.isReading = true;
    this.deps.jobs.find(this.id).then(
      (record) => this.judge(record, isLate),
      () => this.nextRead(retryReadMs),
    );
  }

  private judge(record: JobRecord | 'expired' | null, isLate: boolean): void {
    const kept = record === 'expired' ? null : record;
    if (kept !== null && !isTerminal(kept.status)) {
      this.nextRead(recheckMs);
    } else if (isLate && this.isStream && !this.hasSeenEnd && kept?.status === 'completed') {
      this.hasSeenEnd = true;
      this.nextRead(lastTokensMs);
    } else {
      this.finish({ type: 'ended', record: kept, isLate });
    }
  }

  private nextRead(ms: number): void {
    this.isReading = false;
    if (this.isOver) return;
    this.recheckIn(ms);
    if (!this.readAgain) return;
    this.readAgain = false;
    this.read(false);
  }

  private finish(end: Extract<LiveSignal, { type: 'ended' | 'refused' }>): void {
    if (this.isOver) return;
    this.end = end;
    this.cancelRecheck();
    this.unsubscribe();
    for (const listener of this.listeners) listener(end);
    this.listeners.clear();
  }
}
