import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { errors } from '../contracts/error-catalogue.ts';
import type { Artifact, JobRecord } from '../contracts/job.ts';
import { isMediaOutput, withFiles } from '../contracts/media-output.ts';
import type { ArtifactSource } from './ports.ts';

export interface InlineJson {
  readonly bytes: number;
  readonly content: Readable;
}

type Part = string | Artifact;

/**
 * A job's answer with its files as base64, read from the disk as it is sent: none of them is ever whole in memory.
 * @throws content_expired
 */
export async function inlineJson(artifacts: ArtifactSource, record: JobRecord): Promise<InlineJson> {
  const parts = partsOf(record);
  const [first] = parts.filter((part) => typeof part !== 'string');
  const opened = first === undefined ? null : await openFile(artifacts, record, first);
  const lengths = parts.map((part) =>
    typeof part === 'string' ? Buffer.byteLength(part) : Math.ceil(part.bytes / 3) * 4,
  );
  const content = Readable.from(pieces(artifacts, record, parts, opened), { objectMode: false });
  // A generator that was never started, or that stands before the file, does not close it.
  content.once('close', () => opened?.destroy());
  return { bytes: lengths.reduce((sum, each) => sum + each, 0), content };
}

/** The text of the JSON, cut where a file belongs. */
function partsOf({ id, endpoint, output, files }: JobRecord): readonly Part[] {
  if (!isMediaOutput(endpoint, output)) return [JSON.stringify(output)];
  const mark = randomUUID();
  const text = JSON.stringify(withFiles(output, (file) => ({ b64_json: `${mark}:${file}` })));
  return text.split(new RegExp(`${mark}:(\\d+)`)).map((part, at) => {
    if (at % 2 === 0) return part;
    const file = files.find(({ index }) => String(index) === part);
    if (file === undefined) throw errors.contentNotFound(id, Number(part));
    return file;
  });
}

async function* pieces(
  artifacts: ArtifactSource,
  record: JobRecord,
  parts: readonly Part[],
  opened: Readable | null,
): AsyncGenerator<Buffer> {
  let next = opened;
  for (const part of parts) {
    if (typeof part === 'string') yield Buffer.from(part);
    else yield* base64Of(next ?? (await openFile(artifacts, record, part)));
    if (typeof part !== 'string') next = null;
  }
}

async function openFile(artifacts: ArtifactSource, record: JobRecord, file: Artifact): Promise<Readable> {
  const bytes = await artifacts.open(record, file.index);
  if (bytes === null) throw errors.contentExpired(record.id);
  return bytes;
}

/** Base64 in pieces; each but the last is of whole groups of three bytes. */
export async function* base64Of(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const piece of bytes) {
    const all =
      rest.length === 0
        ? Buffer.from(piece.buffer, piece.byteOffset, piece.length)
        : Buffer.concat([rest, piece]);
    const whole = all.length - (all.length % 3);
    rest = Buffer.from(all.subarray(whole));
    if (whole > 0) yield Buffer.from(all.toString('base64', 0, whole), 'latin1');
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'), 'latin1');
}
