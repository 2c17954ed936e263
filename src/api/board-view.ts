import type { ModelId } from '../contracts/ids.ts';
import type { ModelView, WorkerView } from '../contracts/model.ts';
import type { Clock } from '../platform/clock.ts';
import type { WorkerBoard } from './ports.ts';

/** All workers at one moment. */
export interface BoardState {
  readonly atMs: number;
  readonly workers: readonly WorkerView[];
  readonly paused: ReadonlySet<ModelId>;
}

const freshMs = 1000;
const usableMs = 5000;

/** The board, read at most once a second, so that admission costs a request no round trip. */
export class BoardView {
  private state: BoardState | null = null;
  private reading: Promise<BoardState> | null = null;
  private readonly board: WorkerBoard;
  private readonly clock: Clock;

  constructor(board: WorkerBoard, clock: Clock) {
    this.board = board;
    this.clock = clock;
  }

  /**
   * At most five seconds old.
   * @throws queue_unavailable
   */
  current(): BoardState | Promise<BoardState> {
    const state = this.state;
    const ageMs = state === null ? Number.POSITIVE_INFINITY : this.clock.now() - state.atMs;
    if (state !== null && ageMs <= freshMs) return state;
    const reading = this.read();
    if (state === null || ageMs > usableMs) return reading;
    reading.catch(() => undefined);
    return state;
  }

  /** As it is now, for those who look instead of being admitted. @throws queue_unavailable */
  fresh(): Promise<BoardState> {
    return this.fetch();
  }

  /** What is known without asking. */
  last(): BoardState | null {
    return this.state;
  }

  /** The next reader asks again. */
  forget(): void {
    this.state = null;
    this.reading = null;
  }

  private read(): Promise<BoardState> {
    if (this.reading) return this.reading;
    const reading = this.fetch().finally(() => {
      if (this.reading === reading) this.reading = null;
    });
    this.reading = reading;
    return reading;
  }

  private async fetch(): Promise<BoardState> {
    const [workers, paused] = await Promise.all([this.board.workers(), this.board.pausedModels()]);
    const state = { atMs: this.clock.now(), workers, paused };
    this.state = state;
    return state;
  }
}

/** One model on all its workers. */
export const viewsOf = (state: BoardState, model: ModelId): readonly ModelView[] =>
  state.workers.flatMap(({ models }) => models.filter((view) => view.model === model));

/** One model where it is on its way; null: nowhere. */
export const loadingView = (state: BoardState, model: ModelId): ModelView | null =>
  viewsOf(state, model).find((view) => view.state === 'starting' || view.state === 'loading') ?? null;
