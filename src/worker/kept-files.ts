import { errors } from '../contracts/error-catalogue.ts';
import {
  contentTypeOf,
  type FileFormat,
  formatNamed,
  formatOf,
  isImage,
  mayBeCalled,
  signatureBytes,
} from '../contracts/file-signature.ts';
import type { Artifact, JobRecord } from '../contracts/job.ts';
import { type MediaKind, mediaEndpoints } from '../contracts/media-output.ts';
import { withHead } from '../platform/stream-head.ts';
import { GenerationFailed } from './generation-failed.ts';
import { unusable } from './parse-json.ts';
import type { ArtifactSink } from './ports.ts';

/** What the files of an answer must be. */
interface Expected {
  /** null: the answer's own type says what it is. */
  readonly kind: MediaKind | null;
  /** As the request or the answer claims; null: nothing is claimed, or nothing that first bytes could show. */
  readonly format: FileFormat | null;
}

/** What the files of a job's answer must be, by its endpoint and what its request asked for. */
export function expectedOf({ endpoint }: JobRecord, body: string): Expected {
  const kind = mediaEndpoints.get(endpoint) ?? null;
  if (kind === null) return { kind, format: null };
  const { output_format: format } = JSON.parse(body) as { readonly output_format?: unknown };
  return { kind, format: typeof format === 'string' ? formatNamed(format) : null };
}

/** Keeps the files of one answer, each only when its first bytes are what it claims to be. */
export class KeptFiles {
  readonly files: Artifact[] = [];
  private readonly sink: ArtifactSink;
  private readonly record: JobRecord;

  constructor(sink: ArtifactSink, record: JobRecord) {
    this.sink = sink;
    this.record = record;
  }

  /**
   * The number of the file.
   * @param type what an answer of nothing but the file calls it
   * @throws GenerationFailed when it is something else, or empty; storage_full
   */
  async add(
    bytes: AsyncIterable<Uint8Array>,
    expected: Expected,
    type: string | null = null,
  ): Promise<number> {
    const index = this.files.length;
    const { head, all } = await withHead(bytes, signatureBytes);
    const found = formatOf(head);
    if (head.length === 0 && !/^text\//.test(type ?? '')) throw unusable('an empty file');
    const problem = problemOf(found, expected);
    if (problem !== null) {
      await all.return(undefined);
      throw wrongFile(problem);
    }
    const contentType = type ?? (found === null ? 'application/octet-stream' : contentTypeOf(found));
    this.files.push(await this.sink.write(this.record.id, index, contentType, all));
    return index;
  }
}

function problemOf(found: FileFormat | null, { kind, format }: Expected): string | null {
  const what = found ?? 'a file of an unknown kind';
  if (kind !== null && (found === null || isImage(found) !== (kind === 'image')))
    return `${what} where ${kind === 'image' ? 'an image' : 'sound'} was expected`;
  return format === null || (found !== null && mayBeCalled(format, found))
    ? null
    : `${what} that is called ${format}`;
}

/** As it would be again. */
export const wrongFile = (detail: string): GenerationFailed =>
  new GenerationFailed(errors.upstreamBadResponse(detail).toBody(), 'model');
