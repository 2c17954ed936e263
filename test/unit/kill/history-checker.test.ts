import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalEntry } from '../../helpers/journal.ts';
import { type ClientHistory, violations } from '../../kill/history-checker.ts';

const sound: ClientHistory = {
  acked: ['a', 'b'],
  jobs: [
    { id: 'a', status: 'completed', attempts: 1 },
    { id: 'b', status: 'completed', attempts: 2 },
  ],
  settled: ['a', 'b'],
};

const entry = (event: JournalEntry['event'], job: string, attempt = 1): JournalEntry => ({
  event,
  job,
  attempt,
  model: 'chat',
  pid: 1,
  mono: 0,
});

test('a sound history has no violation', () => {
  const journal = [entry('gen_start', 'a'), entry('gen_start', 'b'), entry('gen_start', 'b', 2)];
  assert.deepEqual(violations(sound, journal), []);
});

test('an accepted job that is gone is found', () => {
  assert.deepEqual(violations({ ...sound, jobs: sound.jobs.slice(1) }, []), ['a was accepted and is lost']);
});

test('a job without a terminal state is found', () => {
  const jobs = [{ id: 'a', status: 'in_progress', attempts: 1 }, ...sound.jobs.slice(1)];
  assert.deepEqual(violations({ ...sound, jobs }, []), ['a is still in_progress']);
});

test('a job that ended twice is found', () => {
  assert.deepEqual(violations({ ...sound, settled: ['a', 'b', 'a'] }, []), [
    'a reached a terminal state twice',
  ]);
});

test('two generations at once are found', () => {
  const found = violations(sound, [entry('gen_start', 'a'), entry('overlap', 'b')]);
  assert.deepEqual(found, ['b ran (attempt 1) while another generation was under way']);
});

test('a third start is found', () => {
  const starts = [1, 2, 3].map((attempt) => entry('gen_start', 'a', attempt));
  assert.deepEqual(violations(sound, starts), ['a was started 3 times']);
});
