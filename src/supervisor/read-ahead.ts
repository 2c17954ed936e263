import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Emit } from '../contracts/events.ts';
import { asModelId, type ModelId } from '../contracts/ids.ts';
import type { Clock } from '../platform/clock.ts';
import { largeFiles, readIntoCache } from '../platform/page-cache.ts';

export interface ReadAheadOptions {
  /** Where the names of the files are kept between runs. */
  readonly path: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly emit: Emit;
  readonly hostFreeMb: () => Promise<number | null>;
}

const knownSchema = z.record(z.string(), z.array(z.string()));
const bytesPerMb = 1024 * 1024;
const againAfterMs = 60_000;
/** More would push out what it just read. */
const shareOfFree = 0.8;

/**
 * Reads the weights of the model that comes next while the one before it drains. Which files those are, its service told
 * when it loaded last.
 */
export class ReadAhead {
  private readonly options: ReadAheadOptions;
  private readonly known = new Map<ModelId, readonly string[]>();
  private readonly running = new Map<
    ModelId,
    { readonly abort: AbortController; readonly startedMs: number }
  >();
  private saving: Promise<void> = Promise.resolve();

  constructor(options: ReadAheadOptions) {
    this.options = options;
  }

  /** What an earlier run knew; whatever is unreadable is forgotten. */
  async start(): Promise<void> {
    const text = await readFile(this.options.path, 'utf8').catch(() => '{}');
    const file = knownSchema.safeParse(parse(text));
    for (const [model, paths] of Object.entries(file.data ?? {})) this.known.set(asModelId(model), paths);
  }

  async stop(): Promise<void> {
    for (const { abort } of this.running.values()) abort.abort();
    await this.saving;
  }

  /** The service of this model told what its load reads. */
  learn(model: ModelId, paths: readonly string[]): void {
    if (paths.join('\n') === this.known.get(model)?.join('\n')) return;
    this.known.set(model, paths);
    this.saving = this.saving.then(() => this.save()).catch(() => undefined);
  }

  /** Begins, unless it has begun lately: a swap that was put off may have left the cache to others. */
  begin(model: ModelId): void {
    const paths = this.known.get(model);
    const startedMs = this.options.clock.monotonicMs();
    const last = this.running.get(model);
    if (paths === undefined || (last && startedMs - last.startedMs < againAfterMs)) return;
    last?.abort.abort();
    const abort = new AbortController();
    this.running.set(model, { abort, startedMs });
    void this.read(model, paths, abort.signal);
  }

  /** The model is loaded, or will not be: what is not read yet is not needed. The next swap may begin anew. */
  end(model: ModelId): void {
    this.running.get(model)?.abort.abort();
    this.running.delete(model);
  }

  private async read(model: ModelId, paths: readonly string[], signal: AbortSignal): Promise<void> {
    const { clock, emit } = this.options;
    const startedMs = clock.monotonicMs();
    const files = await largeFiles(paths);
    const fitting = await this.fitting(files);
    const bytes = await readIntoCache(fitting, signal);
    if (bytes === 0) return;
    const isWhole = !signal.aborted && fitting.length === files.length;
    const tookMs = Math.round(clock.monotonicMs() - startedMs);
    emit({ type: 'weights.read-ahead', model, mb: Math.round(bytes / bytesPerMb), tookMs, isWhole });
  }

  /** As many of them, in order, as there is memory for. */
  private async fitting(files: readonly (readonly [string, number])[]): Promise<readonly string[]> {
    const freeMb = await this.options.hostFreeMb();
    let roomBytes = freeMb === null ? Number.POSITIVE_INFINITY : freeMb * shareOfFree * bytesPerMb;
    const fitting: string[] = [];
    for (const [path, bytes] of files) {
      roomBytes -= bytes;
      if (roomBytes < 0) break;
      fitting.push(path);
    }
    return fitting;
  }

  private async save(): Promise<void> {
    const { path } = this.options;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, JSON.stringify(Object.fromEntries(this.known)));
    await rename(`${path}.new`, path);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
