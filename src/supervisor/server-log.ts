import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelId } from '../contracts/ids.ts';
import { LineRing } from './line-ring.ts';
import { RotatingFile, type RotationLimits } from './rotating-file.ts';

const ringBytes = 262_144;
const tailOfFileBytes = 65_536;
const rotation: RotationLimits = { fileBytes: 10_485_760, files: 5, pendingBytes: 1_048_576 };

/** Everything one model's servers said: the last of it in memory, much of it in a rotated file. */
export class ServerLog {
  readonly path: string;
  private readonly ring = new LineRing(ringBytes);
  private readonly file: RotatingFile;
  private linesOfStart = 0;

  constructor(logsDir: string, model: ModelId, limits: RotationLimits = rotation) {
    // Whatever an id may come to hold, this is a file name.
    this.path = join(logsDir, `${encodeURIComponent(model)}.log`);
    this.file = new RotatingFile(this.path, limits);
  }

  /** A new start: `recent` begins here. */
  begin(line: string): void {
    this.add(line);
    this.linesOfStart = 0;
  }

  add(line: string): void {
    this.linesOfStart += 1;
    this.ring.push(line);
    this.file.append(`${line}\n`);
  }

  /** The last lines of the current start. */
  recent(lines: number): readonly string[] {
    return this.ring.last(Math.min(lines, this.linesOfStart));
  }

  /** The last lines, from before our own start if need be. Empty when there are none. */
  async tail(lines: number): Promise<readonly string[]> {
    return this.ring.isEmpty ? tailOfFile(this.path, lines) : this.ring.last(lines);
  }

  async close(): Promise<void> {
    await this.file.flushed();
  }
}

async function tailOfFile(path: string, lines: number): Promise<readonly string[]> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const start = Math.max(0, size - tailOfFileBytes);
    const { buffer, bytesRead } = await file.read({
      position: start,
      length: tailOfFileBytes,
      buffer: Buffer.alloc(tailOfFileBytes),
    });
    const all = buffer.subarray(0, bytesRead).toString('utf8').split('\n').filter(Boolean);
    // The first may have lost its beginning.
    return (start > 0 ? all.slice(1) : all).slice(-lines);
  } catch {
    return [];
  }
}
