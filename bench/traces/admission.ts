import type { SimulatedJob } from './lane.ts';

export interface AdmissionWindow {
  /** Jobs of one key that may wait in a lane while no other key is active; never less than the concurrency. */
  readonly alone: number;
  /** The same while others are. */
  readonly shared: number;
  /** A key that sent a job within this time is active. */
  readonly activeForMs: number;
}

export const admissionDefaults: AdmissionWindow = { alone: 16, shared: 4, activeForMs: 600_000 };

/**
 * Fair between keys: so many jobs of one key wait in a lane, the rest in the key's own backlog, from which the next
 * enters when one of them starts. The policy sees lanes only. Jobs of nobody enter at once.
 */
export class Admission {
  readonly #window: AdmissionWindow | null;
  readonly #concurrencyOf: (job: SimulatedJob) => number;
  readonly #inLane = new Map<string, number>();
  readonly #backlogs = new Map<string, SimulatedJob[]>();
  readonly #lastSeenMs = new Map<string, number>();

  /** `window` null: every job enters at once. */
  constructor(window: AdmissionWindow | null, concurrencyOf: (job: SimulatedJob) => number) {
    this.#window = window;
    this.#concurrencyOf = concurrencyOf;
  }

  /** True when the job enters its lane now; otherwise `started` gives it back in its turn. */
  mayEnter(job: SimulatedJob, nowMs: number): boolean {
    if (this.#window === null || job.key === null) return true;
    this.#lastSeenMs.set(job.key, nowMs);
    if (this.#hasRoom(job, nowMs)) return this.#count(job, 1);
    const name = nameOf(job);
    const backlog = this.#backlogs.get(name) ?? [];
    this.#backlogs.set(name, backlog);
    backlog.push(job);
    return false;
  }

  /** A job left its lane: which enter now. */
  started(job: SimulatedJob, nowMs: number): readonly SimulatedJob[] {
    if (this.#window === null || job.key === null) return [];
    this.#count(job, -1);
    const backlog = this.#backlogs.get(nameOf(job)) ?? [];
    const entering: SimulatedJob[] = [];
    while (backlog.length > 0 && this.#hasRoom(job, nowMs)) {
      entering.push(...backlog.splice(0, 1));
      this.#count(job, 1);
    }
    return entering;
  }

  #hasRoom(job: SimulatedJob, nowMs: number): boolean {
    if (this.#window === null) return true;
    const { alone, shared, activeForMs } = this.#window;
    const active = [...this.#lastSeenMs.values()].filter((seenMs) => nowMs - seenMs < activeForMs).length;
    const most = Math.max(this.#concurrencyOf(job), active > 1 ? shared : alone);
    return (this.#inLane.get(nameOf(job)) ?? 0) < most;
  }

  #count(job: SimulatedJob, change: number): true {
    this.#inLane.set(nameOf(job), (this.#inLane.get(nameOf(job)) ?? 0) + change);
    return true;
  }
}

const nameOf = ({ key, model, class: jobClass }: SimulatedJob) => `${key}\n${model}\n${jobClass}`;
