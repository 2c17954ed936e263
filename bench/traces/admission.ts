import { type AdmissionWindow, windowOf, windowSize } from '../../src/contracts/admission-window.ts';
import type { SimulatedJob } from './lane.ts';

/** The admission window between keys, in memory. The policy sees lanes only. Jobs of nobody enter at once. */
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

  /** A job came: which enter their lane now. The others are given back by `started` in their turn. */
  came(job: SimulatedJob, nowMs: number): readonly SimulatedJob[] {
    if (this.#window === null || job.key === null) return [job];
    this.#lastSeenMs.set(job.key, nowMs);
    this.#backlogOf(job).push(job);
    return this.#next(job, nowMs);
  }

  /** A job left its lane: which enter now. */
  started(job: SimulatedJob, nowMs: number): readonly SimulatedJob[] {
    if (this.#window === null || job.key === null) return [];
    this.#count(job, -1);
    return this.#next(job, nowMs);
  }

  #next(like: SimulatedJob, nowMs: number): readonly SimulatedJob[] {
    const backlog = this.#backlogOf(like);
    const entering: SimulatedJob[] = [];
    while (backlog.length > 0 && this.#hasRoom(like, nowMs)) {
      entering.push(...backlog.splice(0, 1));
      this.#count(like, 1);
    }
    return entering;
  }

  #backlogOf(job: SimulatedJob): SimulatedJob[] {
    const backlog = this.#backlogs.get(nameOf(job)) ?? [];
    this.#backlogs.set(nameOf(job), backlog);
    return backlog;
  }

  #hasRoom(job: SimulatedJob, nowMs: number): boolean {
    const window = windowOf(this.#window, this.#concurrencyOf(job));
    const seen = [...this.#lastSeenMs.values()];
    const active = seen.filter((seenMs) => nowMs - seenMs < window.activeForMs).length;
    return (this.#inLane.get(nameOf(job)) ?? 0) < windowSize(window, active);
  }

  #count(job: SimulatedJob, change: number): void {
    this.#inLane.set(nameOf(job), (this.#inLane.get(nameOf(job)) ?? 0) + change);
  }
}

const nameOf = ({ key, model, class: jobClass }: SimulatedJob) => `${key}\n${model}\n${jobClass}`;
