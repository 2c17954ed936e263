import type { AdmissionWindow } from '../contracts/admission-window.ts';
import type { ModelDeadlines } from '../contracts/model.ts';
import type { SchedulerParams } from '../contracts/scheduler-params.ts';

/** What a model gets that does not say otherwise; each number with its reason. */
export const modelDefaults = {
  /** Without continuous batching a second job at once only slows the first. */
  concurrency: 1,
  /** Between a small model from the page cache (5 s) and a 7B from disk (2 min); learned after the first load. */
  startupTimeMs: 60_000,
  /** An image or a longer answer; wrong by a factor of 3 it costs the scheduler under 10 %, and it is learned. */
  serviceTimeMs: 10_000,
  /** About 3 hours of 10 s jobs: more is a mistake of the client rather than work. */
  queueCap: 1_000,
  /** A result that comes after an hour is rarely still wanted. */
  queueTtlMs: 3_600_000,
  /** Ten times a long generation; a run beyond it is stuck. */
  executionTimeoutMs: 600_000,
} as const;

export const deadlineDefaults: ModelDeadlines = {
  /** Reading a big checkpoint from a network volume goes silent for minutes. */
  loadStallMs: 300_000,
  /** The slowest honest load that is known: compilation and weights over a network, with room. */
  loadTotalMs: 1_200_000,
  /** A prompt of full context length on a busy server. */
  firstTokenMs: 120_000,
  /** A batching server pauses for a long prefill of another request. */
  interTokenMs: 60_000,
  /** Long enough to finish a short answer, short enough for a swap. */
  stopGraceMs: 10_000,
};

/** RENT's parameters as they were measured over eleven traces; see docs/CONFIGURATION.md for what each does. */
export const schedulerDefaults: SchedulerParams = {
  /** A chat user suffers in half a minute what a normal job suffers in five and a batch in an hour. */
  target: [30_000, 300_000, 3_600_000],
  /** At least three times the target, or every swap would be an emergency. */
  maxWait: [120_000, 900_000, 7_200_000],
  /** 1 binds tighter at 23 % more pain in the long tail; 4 relaxes it for 10 % less. */
  phi: 2,
  /** 0 thrashes; 2 keeps swapping under a fifth of the time even when everything is overdue. */
  kappa: [2, 4, 8],
  /** 0.5 and more swap a tenth to a third less, and normal jobs wait longer. */
  beta: 0.25,
  /** Without it, short jobs suffer up to 79 % more. */
  soft: 4,
  softCap: 30_000,
  /** Enough to see a burst whole before choosing its first model. */
  settle: 0.005,
  settleCap: 500,
  /** Saves 17 to 30 % of the pain in light traffic, for some more loads. */
  specIdle: 5_000,
  specMargin: 1.5,
  guard: true,
  spec: true,
};

/** A flood of one key then weighs no more than this in the policy's eyes; with one key it moves the pain by -9 to +1.5 %. */
export const admissionDefaults: AdmissionWindow = {
  alone: 16,
  shared: 4,
  activeForMs: 600_000,
};
