import { watch } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';

/** What a stand-in model server writes, fsynced, about each generation. `mono` is the machine's monotonic clock, s. */
export interface JournalEntry {
  readonly event: 'gen_start' | 'first_token' | 'gen_end' | 'overlap';
  readonly job: string;
  readonly attempt: number;
  readonly model: string;
  readonly pid: number;
  readonly mono: number;
}

/** Reads the journal and waits for an entry by file notification, so that a fault hits at an exact point. */
export class Journal {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(path: string): Promise<Journal> {
    await writeFile(path, '');
    return new Journal(path);
  }

  /** One that is there already. */
  static open(path: string): Journal {
    return new Journal(path);
  }

  async entries(): Promise<readonly JournalEntry[]> {
    const text = await readFile(this.path, 'utf8');
    return text
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as JournalEntry);
  }

  /** The first entry that matches, already written or still to come. */
  async until(matches: (entry: JournalEntry) => boolean): Promise<JournalEntry> {
    const { promise, resolve, reject } = Promise.withResolvers<JournalEntry>();
    const look = () =>
      this.entries().then((entries) => {
        const found = entries.find(matches);
        if (found) resolve(found);
      }, reject);
    const watcher = watch(this.path, look);
    try {
      void look();
      return await promise;
    } finally {
      watcher.close();
    }
  }
}
