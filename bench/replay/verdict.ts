import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobId } from '../../src/contracts/ids.ts';
import type { RedisJobStore } from '../../src/queue/job-store.ts';
import { Journal, type JournalEntry } from '../../test/helpers/journal.ts';
import { violations } from '../../test/kill/history-checker.ts';

export interface Verdict {
  /** Jobs that were accepted and did not complete. */
  readonly lost: number;
  /** Jobs that ran more than once, or ended more than once. */
  readonly doubled: number;
  /** Each breach of a promise, as a sentence. */
  readonly problems: readonly string[];
}

/** What the store and the stand-ins' journals say about the jobs of a replay. */
export async function judge(
  store: Pick<RedisJobStore, 'find'>,
  journalDir: string,
  acked: readonly JobId[],
  settled: readonly JobId[],
): Promise<Verdict> {
  const records = await recordsOf(store, acked);
  const entries = await entriesOf(journalDir);
  const runs = Map.groupBy(
    entries.filter(({ event }) => event === 'gen_start'),
    ({ job }) => job,
  );
  const ends = Map.groupBy(settled, (id) => id);
  const completed = new Set(records.filter(({ status }) => status === 'completed').map(({ id }) => id));
  const lost = acked.filter((id) => !completed.has(id) || !runs.has(id));
  const doubled = acked.filter((id) => (runs.get(id)?.length ?? 0) > 1 || (ends.get(id)?.length ?? 0) > 1);
  return {
    lost: lost.length,
    doubled: doubled.length,
    problems: [
      ...violations({ acked, jobs: records, settled }, entries),
      ...lost.map((id) => `${id} did not complete`),
      ...doubled.map(
        (id) => `${id} ran ${runs.get(id)?.length} times and ended ${ends.get(id)?.length} times`,
      ),
    ],
  };
}

async function recordsOf(store: Pick<RedisJobStore, 'find'>, ids: readonly JobId[]) {
  const found = [];
  for (const id of ids) {
    const record = await store.find(id);
    if (record !== null && record !== 'expired') found.push(record);
  }
  return found;
}

async function entriesOf(dir: string): Promise<readonly JournalEntry[]> {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.jsonl'));
  const journals = names.map((name) => Journal.open(join(dir, name)).entries());
  return (await Promise.all(journals)).flat();
}
