import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { Journal } from '../../helpers/journal.ts';
import { TempDir } from '../../helpers/temp-dir.ts';
import { model, type StandIn, type TurntableBox, turntableBox } from './turntable-box.ts';

const a = model('a');
const b = model('b');

interface Ask {
  readonly prompt?: string;
  readonly stream?: boolean;
  readonly job?: string;
  readonly attempt?: number;
  readonly signal?: AbortSignal;
}

async function loaded(t: TestContext, standIns: Readonly<Record<string, StandIn>>): Promise<TurntableBox> {
  const box = await turntableBox(t, standIns);
  for (const name of Object.keys(standIns)) await box.turntable.load(model(name));
  return box;
}

async function ask(box: TurntableBox, options: Ask = {}, name = a) {
  const { prompt = 'hello', stream = false, job = 'job_1', attempt = 1, signal } = options;
  const lease = box.turntable.lease(name);
  assert.ok(lease);
  return box.http.request(lease.target, {
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'x-job-id': job, 'x-attempt': String(attempt) },
    body: JSON.stringify({ stream, messages: [{ role: 'user', content: prompt }] }),
    ...(signal === undefined ? {} : { signal }),
  });
}

test('garbage is answered with 200 and is no JSON', async (t) => {
  const box = await loaded(t, { a: { habit: 'garbage' } });
  const response = await ask(box);
  assert.equal(response.status, 200);
  const text = await response.body.text();
  assert.throws(() => JSON.parse(text));
});

test('html_502 is a page of HTML', async (t) => {
  const box = await loaded(t, { a: { habit: 'html_502' } });
  const response = await ask(box);
  assert.equal(response.status, 502);
  assert.equal(response.headers['content-type'], 'text/html');
});

test('split_utf8 cuts characters and data lines apart, and the whole is right', async (t) => {
  const reply = 'grüße 你好 🎉';
  const box = await loaded(t, { a: { habit: 'split_utf8', args: { reply } } });
  const response = await ask(box, { stream: true });
  const pieces: Uint8Array[] = [];
  for await (const piece of response.body) pieces.push(piece);
  const strict = new TextDecoder('utf8', { fatal: true });
  const isWhole = (piece: Uint8Array) => {
    try {
      strict.decode(piece);
      return true;
    } catch {
      return false;
    }
  };
  assert.ok(
    pieces.some((piece) => !isWhole(piece)),
    'no character was cut',
  );
  const events = Buffer.concat(pieces).toString('utf8').split('\n\n').filter(Boolean);
  const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice('data: '.length)));
  assert.equal(chunks.map(({ choices }) => choices[0].delta.content ?? '').join(''), reply);
});

test('hang_first_token sends the head of a stream and no token; the client can leave', async (t) => {
  const journal = await journalOf(t);
  const box = await loaded(t, { a: { habit: 'hang_first_token', args: { journal: journal.path } } });
  const client = new AbortController();
  const response = await ask(box, { stream: true, signal: client.signal });
  await journal.until(({ event }) => event === 'gen_start');
  client.abort();
  await response.body.text().catch(() => {});
  await journal.until(({ event }) => event === 'gen_end');
  assert.ok((await journal.entries()).every(({ event }) => event !== 'first_token'));
});

test('hang_mid_stream goes silent after half of its tokens', async (t) => {
  const box = await loaded(t, { a: { habit: 'hang_mid_stream', args: { tokens: 6 } } });
  const client = new AbortController();
  const response = await ask(box, { stream: true, signal: client.signal });
  let events = 0;
  const reading = (async () => {
    for await (const piece of response.body) {
      events += Buffer.from(piece).toString().split('\n\n').length - 1;
      if (events === 4) client.abort();
    }
  })();
  await assert.rejects(reading);
  assert.equal(events, 4);
});

test('a habit shows only in the attempts and for the texts that it is meant for', async (t) => {
  const box = await loaded(t, { a: { habit: 'html_502', args: { attempts: 1, when: 'poison' } } });
  const statusOf = async (options: Ask) => {
    const response = await ask(box, options);
    await response.body.text();
    return response.status;
  };
  assert.equal(await statusOf({ prompt: 'some poison' }), 502);
  assert.equal(await statusOf({ prompt: 'some poison', attempt: 2 }), 200);
  assert.equal(await statusOf({ prompt: 'water' }), 200);
});

test('the journal tells a generation from its start to its end', async (t) => {
  const journal = await journalOf(t);
  const box = await loaded(t, { a: { args: { journal: journal.path } } });
  await (await ask(box, { job: 'job_9', attempt: 2 })).body.text();
  const entries = await journal.entries();
  assert.deepEqual(
    entries.map(({ event, job, attempt, model: name }) => ({ event, job, attempt, name })),
    ['gen_start', 'first_token', 'gen_end'].map((event) => ({ event, job: 'job_9', attempt: 2, name: 'a' })),
  );
});

test('the journal tells when two servers generate at once, also after one was killed', async (t) => {
  const journal = await journalOf(t);
  const slow = { args: { journal: journal.path, tokens: 1_000_000, token_ms: 20 } };
  const box = await loaded(t, { a: slow, b: { args: { journal: journal.path } } });
  const lease = box.turntable.lease(a);
  assert.ok(lease);
  const response = await ask(box, { stream: true });
  response.body.text().catch(() => {});
  await journal.until(({ event, model: name }) => event === 'first_token' && name === 'a');
  await (await ask(box, { job: 'job_2' }, b)).body.text();
  assert.equal((await journal.entries()).filter(({ event }) => event === 'overlap').length, 1);
  const gone = once(lease.gone, 'abort');
  await lease.kill('test');
  await gone;
  await (await ask(box, { job: 'job_3' }, b)).body.text();
  assert.equal((await journal.entries()).filter(({ event }) => event === 'overlap').length, 1);
});

test('the journal tells when one job runs twice at once, and several jobs at once are no overlap', async (t) => {
  const journal = await journalOf(t);
  const box = await loaded(t, { a: { args: { journal: journal.path, tokens: 1_000_000, token_ms: 20 } } });
  const clients = new AbortController();
  const start = async (job: string) => {
    const response = await ask(box, { job, stream: true, signal: clients.signal });
    response.body.text().catch(() => {});
  };
  await start('job_1');
  await start('job_2');
  await journal.until(({ event, job }) => event === 'first_token' && job === 'job_2');
  assert.equal((await journal.entries()).filter(({ event }) => event === 'overlap').length, 0);
  await start('job_1');
  await journal.until(({ event, job }) => event === 'overlap' && job === 'job_1');
  clients.abort();
});

async function journalOf(t: TestContext): Promise<Journal> {
  const temp = await TempDir.create();
  t.after(() => temp[Symbol.asyncDispose]());
  return Journal.create(temp.path('journal'));
}
