import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { JobId } from '../../../src/contracts/ids.ts';
import type { NewJob } from '../../../src/contracts/job.ts';
import { pieceOf } from '../../../src/platform/stream-head.ts';
import { aJob } from '../../helpers/jobs.ts';
import { WorkerHouse } from './worker-house.ts';

const listener = { type: 'transcription', endpoints: ['/v1/audio/transcriptions'] } as const;
const sound = randomBytes(300_000);
const sha256 = createHash('sha256').update(sound).digest('hex');

/** A job whose file is on the disk. */
async function withFile(house: WorkerHouse, fileName: string, over: Partial<NewJob> = {}): Promise<JobId> {
  const { id } = aJob();
  const { bytes, sha256: hash } = await house.uploads.write(id, 0, 'audio/mpeg', pieceOf(sound));
  const file = { index: 0, field: 'file', fileName, contentType: 'audio/mpeg', bytes, sha256: hash };
  return house.submit('ear', '', {
    ...{ id, endpoint: '/v1/audio/transcriptions', modelType: 'transcription' },
    body: JSON.stringify({
      model: 'ear',
      temperature: 0.5,
      timestamp_granularities: ['word'],
      response_format: 'verbose_json',
    }),
    uploads: { url: null, files: [file] },
    ...over,
  });
}

const heard = (output: unknown): unknown => (output as { readonly text: string }).text;

test('a model server gets the file and the fields of a job as one form', async (t) => {
  await using house = await WorkerHouse.open(t, { ear: { spec: listener } });
  const { status, output } = await house.ended(await withFile(house, 'a.mp3'));
  assert.equal(status, 'completed');
  assert.equal(heard(output), `a.mp3 300000 ${sha256}`);
  assert.equal((output as { words: readonly { word: string }[] }).words[0]?.word, 'a.mp3');
});

test('a name with quotes and line ends stays a name', async (t) => {
  await using house = await WorkerHouse.open(t, { ear: { spec: listener } });
  const { output } = await house.ended(await withFile(house, 'a"; name="model\r\n\r\nx.mp3'));
  assert.equal(heard(output), `a%22; name=%22model%0D%0A%0D%0Ax.mp3 300000 ${sha256}`);
});

test('a file is sent again when its first server dies', async (t) => {
  const dying = { habit: 'crash_mid_stream', args: { attempts: 1, tokens: 4 }, spec: listener };
  await using house = await WorkerHouse.open(t, { ear: dying });
  const { status, attempts, output } = await house.ended(await withFile(house, 'a.mp3'));
  assert.deepEqual([status, attempts, heard(output)], ['completed', 2, `a.mp3 300000 ${sha256}`]);
});

test('a job whose file is gone fails and says so, and its server serves the next one', async (t) => {
  await using house = await WorkerHouse.open(t, { ear: { spec: listener } });
  await house.ended(await withFile(house, 'first.mp3'));
  const [pid] = await house.pidsOf('ear');
  const lost = await withFile(house, 'lost.mp3', { uploads: { url: null, files: [aFileThatIsNot] } });
  const { status, error, attempts } = await house.ended(lost);
  assert.deepEqual([status, error?.code, error?.retryable, attempts], ['failed', 'upload_gone', true, 2]);
  assert.match(error?.message ?? '', /lost\.mp3/);
  assert.equal((await house.ended(await withFile(house, 'next.mp3'))).status, 'completed');
  assert.equal((await house.pidsOf('ear')).at(-1), pid);
});

const aFileThatIsNot = {
  ...{ index: 7, field: 'file', fileName: 'lost.mp3', contentType: 'audio/mpeg', bytes: 9, sha256 },
};

test('what came with a job leaves its record with the end of the job', async (t) => {
  await using house = await WorkerHouse.open(t, { ear: { spec: listener } });
  const id = await withFile(house, 'private name.mp3');
  await house.ended(id);
  const redis = await house.queue.connected('command');
  const record = await redis.hgetall(`{roundhouse}:job:${id}`);
  assert.equal(record.status, 'completed');
  assert.deepEqual([record.body, record.uploads], [undefined, undefined]);
});
