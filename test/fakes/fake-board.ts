import { Readable } from 'node:stream';
import type { ArtifactSource, HistoryEntry, LogSource, WorkerBoard } from '../../src/api/ports.ts';
import type { ControlMessage } from '../../src/contracts/control.ts';
import { errors } from '../../src/contracts/error-catalogue.ts';
import type { ModelId } from '../../src/contracts/ids.ts';
import type { JobRecord } from '../../src/contracts/job.ts';
import type { ModelView, WorkerView } from '../../src/contracts/model.ts';

/** Workers as a test says they are. */
export class FakeBoard implements WorkerBoard {
  views: ModelView[] = [];
  hasWorker = true;
  isDown = false;
  /** Why the worker's disk takes no more. */
  diskProblem: string | null = null;
  readonly sent: ControlMessage[] = [];
  readonly events: Record<'swaps' | 'jobs' | 'models', HistoryEntry[]> = { swaps: [], jobs: [], models: [] };
  estimates: WorkerView['estimates'] = {};
  private readonly paused = new Set<ModelId>();
  private readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  async workers(): Promise<readonly WorkerView[]> {
    this.reach();
    if (!this.hasWorker) return [];
    return [
      {
        name: 'test',
        bootId: 'boot_1',
        atMs: this.now(),
        startedAtMs: this.now() - 60_000,
        host: 'here',
        artifactUrl: null,
        diskProblem: this.diskProblem,
        models: this.views,
        estimates: this.estimates,
      },
    ];
  }

  async pausedModels(): Promise<ReadonlySet<ModelId>> {
    this.reach();
    return new Set(this.paused);
  }

  async send(message: ControlMessage): Promise<void> {
    this.reach();
    this.sent.push(message);
    if (message.type === 'pause') this.paused.add(message.model);
    if (message.type === 'resume') this.paused.delete(message.model);
  }

  async history(kind: 'swaps' | 'jobs' | 'models', limit: number): Promise<readonly HistoryEntry[]> {
    this.reach();
    return this.events[kind].slice(0, limit);
  }

  async ping(): Promise<number> {
    this.reach();
    return 1;
  }

  private reach(): void {
    if (this.isDown) throw errors.queueUnavailable('connection refused');
  }
}

export function aModelView(model: string, over: Partial<ModelView> = {}): ModelView {
  return {
    model: model as ModelId,
    state: 'ready',
    sinceMs: 1_790_000_000_000,
    loadProgress: null,
    loadPhase: null,
    inFlight: 0,
    bootId: null,
    pid: null,
    failure: null,
    blockedUntilMs: null,
    ...over,
  };
}

/** Files in memory, in small pieces. */
export class FakeArtifacts implements ArtifactSource {
  readonly files = new Map<string, Buffer>();

  async open(
    record: JobRecord,
    index: number,
    range?: { readonly start: number; readonly end: number },
  ): Promise<Readable | null> {
    const bytes = this.files.get(`${record.id}/${index}`);
    if (bytes === undefined) return null;
    const wanted = range ? bytes.subarray(range.start, range.end + 1) : bytes;
    const pieces = Array.from({ length: Math.ceil(wanted.length / 1000) }, (_, at) =>
      wanted.subarray(at * 1000, (at + 1) * 1000),
    );
    return Readable.from(pieces, { objectMode: false });
  }
}

export class FakeLogs implements LogSource {
  readonly lines = new Map<string, string[]>();

  async tail(model: ModelId, lines: number): Promise<readonly string[] | null> {
    return this.lines.get(model)?.slice(-lines) ?? null;
  }
}
