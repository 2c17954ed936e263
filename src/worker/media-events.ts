import type { Artifact, JobRecord } from '../contracts/job.ts';
import { pieceOf } from '../platform/stream-head.ts';
import { type expectedOf, KeptFiles } from './kept-files.ts';
import type { ArtifactSink } from './ports.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Puts a stream of images together: those that are completed become files. What is shown on the way there goes to the
 * client alone.
 */
export class MediaEvents {
  hasToken = false;
  private readonly kept: KeptFiles;
  private readonly expected: ReturnType<typeof expectedOf>;
  private readonly data: Fields[] = [];
  private head: Fields = {};

  constructor(sink: ArtifactSink, record: JobRecord, expected: ReturnType<typeof expectedOf>) {
    this.kept = new KeptFiles(sink, record);
    this.expected = expected;
  }

  get isFinished(): boolean {
    return this.data.length > 0;
  }

  /** @throws GenerationFailed when an image is none, storage_full */
  async addAll(payloads: readonly string[]): Promise<void> {
    for (const payload of payloads) await this.add(payload);
  }

  result(): { readonly output: unknown; readonly usage: unknown; readonly files: readonly Artifact[] } {
    const { created, usage } = this.head;
    return { output: { created, data: this.data, usage }, usage, files: this.kept.files };
  }

  private async add(payload: string): Promise<void> {
    this.hasToken = true;
    const event = parse(payload);
    if (event === null || !/\.completed$/.test(String(event.type)) || typeof event.b64_json !== 'string')
      return;
    const { type: _, b64_json: base64, created_at: created, usage = null, ...item } = event;
    const file = await this.kept.add(pieceOf(Buffer.from(base64, 'base64')), this.expected);
    this.data.push({ file, ...item });
    this.head = { created, usage };
  }
}

function parse(payload: string): (Fields & { readonly b64_json?: unknown }) | null {
  if (!payload.includes('.completed"')) return null;
  try {
    const value: unknown = JSON.parse(payload);
    return typeof value === 'object' && value !== null ? (value as Fields) : null;
  } catch {
    return null;
  }
}
