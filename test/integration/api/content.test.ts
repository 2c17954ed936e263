import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { ApiBox, errorOf } from '../../fakes/api-box.ts';
import type { FakeJob } from '../../fakes/fake-job.ts';

const bytes = Buffer.from(Array.from({ length: 5000 }, (_, at) => at % 256));
const sha256 = 'a'.repeat(64);

async function finishedJob(box: ApiBox, contentType = 'audio/wav'): Promise<FakeJob> {
  await box.post('/jobs', { model: 'piper', input: { input: 'hello' } });
  const job = await box.nextJob();
  box.artifacts.files.set(`${job.id}/0`, bytes);
  box.artifacts.files.set(`${job.id}/1`, Buffer.from('second'));
  const second = { index: 1, contentType: 'text/html', bytes: 6, sha256: 'b'.repeat(64) };
  job.start().complete({ files: [{ index: 0, contentType, bytes: bytes.length, sha256 }, second] });
  return job;
}

const bodyOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

test('content comes with its type, its length and a name, and cannot act as a page of ours', async () => {
  await using box = await ApiBox.open();
  const job = await finishedJob(box);
  const response = await box.fetch(`/jobs/${job.id}/content`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'audio/wav');
  assert.equal(response.headers.get('content-length'), '5000');
  assert.equal(response.headers.get('content-disposition'), `attachment; filename="${job.id}-0.wav"`);
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.match(response.headers.get('content-security-policy') ?? '', /sandbox/);
  assert.equal(response.headers.get('accept-ranges'), 'bytes');
  assert.deepEqual(await bodyOf(response), bytes);
});

test('each file has its number; others are 404', async () => {
  await using box = await ApiBox.open();
  const job = await finishedJob(box);
  assert.equal(await (await box.fetch(`/v1/jobs/${job.id}/content/1`)).text(), 'second');
  for (const index of ['2', '-1', '00', 'x', '0.0']) {
    const response = await box.fetch(`/jobs/${job.id}/content/${index}`);
    assert.equal(response.status, 404, index);
    assert.equal((await errorOf(response)).code, 'content_not_found');
  }
});

const ranges: readonly [string, number, number][] = [
  ['bytes=0-99', 0, 99],
  ['bytes=4000-', 4000, 4999],
  ['bytes=-10', 4990, 4999],
  ['bytes=4990-999999', 4990, 4999],
  ['bytes=-999999', 0, 4999],
];

for (const [range, start, end] of ranges) {
  test(`Range: ${range} gives these bytes and no others`, async () => {
    await using box = await ApiBox.open();
    const job = await finishedJob(box);
    const response = await box.fetch(`/jobs/${job.id}/content`, { headers: { range } });
    assert.equal(response.status, 206);
    assert.equal(response.headers.get('content-range'), `bytes ${start}-${end}/5000`);
    assert.equal(response.headers.get('content-length'), String(end - start + 1));
    assert.deepEqual(await bodyOf(response), bytes.subarray(start, end + 1));
  });
}

test('a range outside of the content is 416 with its size; one that makes no sense is ignored', async () => {
  await using box = await ApiBox.open();
  const job = await finishedJob(box);
  const outside = await box.fetch(`/jobs/${job.id}/content`, { headers: { range: 'bytes=5000-' } });
  assert.equal(outside.status, 416);
  assert.equal(outside.headers.get('content-range'), 'bytes */5000');
  assert.equal((await errorOf(outside)).code, 'range_not_satisfiable');
  for (const range of ['bytes=9-3', 'lines=1-2', 'bytes=0-1,4-5', 'bytes=-']) {
    const response = await box.fetch(`/jobs/${job.id}/content`, { headers: { range } });
    assert.equal(response.status, 200, range);
    assert.equal((await bodyOf(response)).length, 5000);
  }
});

test('HEAD tells what GET would send; an unchanged file is 304; a range of a changed one is all of it', async () => {
  await using box = await ApiBox.open();
  const job = await finishedJob(box);
  const path = `/jobs/${job.id}/content`;
  const head = await box.fetch(path, { method: 'HEAD' });
  assert.equal(head.headers.get('content-length'), '5000');
  assert.equal((await bodyOf(head)).length, 0);
  const same = await box.fetch(path, { headers: { 'if-none-match': `"${sha256}"` } });
  assert.equal(same.status, 304);
  const stale = { range: 'bytes=0-9', 'if-range': '"other"' };
  assert.equal((await box.fetch(path, { headers: stale })).status, 200);
  const current = { range: 'bytes=0-9', 'if-range': `"${sha256}"` };
  assert.equal((await box.fetch(path, { headers: current })).status, 206);
});

test('a job that has not completed has no content: 409; one whose files are gone: 410', async () => {
  await using box = await ApiBox.open();
  await box.post('/jobs', { model: 'piper', input: { input: 'hello' } });
  const job = await box.nextJob();
  const early = await box.fetch(`/jobs/${job.id}/content`);
  assert.equal(early.status, 409);
  assert.equal(early.headers.get('x-should-retry'), 'false');
  assert.equal((await errorOf(early)).code, 'job_not_completed');
  job.cancel();
  assert.equal((await box.fetch(`/jobs/${job.id}/content`)).status, 409);
  const finished = await finishedJob(box);
  box.artifacts.files.clear();
  const gone = await box.fetch(`/jobs/${finished.id}/content`);
  assert.equal(gone.status, 410);
  assert.equal(gone.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.equal(gone.headers.get('content-disposition'), null);
  assert.equal((await errorOf(gone)).code, 'content_expired');
});

test('a client that leaves in the middle of a download is no fault of ours; a file that breaks off is', async () => {
  await using box = await ApiBox.open();
  const job = await finishedJob(box);
  const client = new AbortController();
  const endless = new PassThrough();
  endless.write(bytes.subarray(0, 1000));
  box.artifacts.open = async () => endless;
  const response = await box.fetch(`/jobs/${job.id}/content`, { signal: client.signal });
  client.abort();
  await assert.rejects(response.arrayBuffer());
  await new Promise((resolve) => endless.once('close', resolve));
  assert.deepEqual(box.events.of('system.fault'), []);
  const breaking = new PassThrough();
  breaking.write(bytes.subarray(0, 1000));
  box.artifacts.open = async () => breaking;
  const broken = await box.fetch(`/jobs/${job.id}/content`);
  breaking.destroy(new Error('the worker went away'));
  await assert.rejects(broken.arrayBuffer());
  const fault = await box.events.next('system.fault');
  assert.match(String(fault.message), /the worker went away/);
});
