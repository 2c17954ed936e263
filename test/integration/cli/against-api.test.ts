import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelId } from '../../../src/contracts/ids.ts';
import { ApiBox, apiKey } from '../../fakes/api-box.ts';
import { aModelView } from '../../fakes/fake-board.ts';
import { runCli } from './run-cli.ts';

const roundhouse = ({ url }: ApiBox, ...args: string[]) =>
  runCli(args, { ROUNDHOUSE_URL: url, ROUNDHOUSE_API_KEY: apiKey });

const model = (id: string) => id as ModelId;

test('status understands the real API: states, queues, swaps, workers', async () => {
  await using box = await ApiBox.open();
  const failure = { reason: 'no such file', logTail: [], atMs: Date.now(), failures: 2 };
  box.board.views = [
    aModelView('smollm2', { state: 'ready', inFlight: 3 }),
    aModelView('piper', { state: 'loading', loadProgress: 0.25, loadPhase: 'weights' }),
    aModelView('acme/echo', { state: 'failed', failure, blockedUntilMs: Date.now() + 3_600_000 }),
  ];
  box.board.events.swaps.push({
    atMs: Date.now(),
    event: {
      type: 'swap.finished',
      load: model('smollm2'),
      evicted: [model('piper')],
      reason: 'rent-paid',
      tookMs: 2100,
      drainMs: 100,
      unloadMs: 300,
      loadMs: 1700,
    },
  });
  await box.post('/jobs', { model: 'piper', input: { input: 'x' } });
  const { code, out, err } = await roundhouse(box, 'status');
  assert.equal(err, '');
  assert.match(out, /ready {2}redis 1\.0 ms {2}1 worker$/m);
  assert.match(out, /^● {2}smollm2 +text +ready .* 3 +–$/m);
  assert.match(out, /^◑ {2}piper +speech +loading ██░░░░░░░░ {2}25 % weights +1 +0 /m);
  assert.match(out, /^✖ {2}acme\/echo +custom +failed 2 times, not before/m);
  assert.match(out, /no such file {2}\(roundhouse logs acme\/echo\)$/m);
  assert.match(out, /smollm2 +piper +2\.1 s {2}rent-paid$/m);
  assert.match(out, /^test +here +1m 00s/m);
  assert.equal(code, 0);
});

test('status understands the real API when Redis is away', async () => {
  await using box = await ApiBox.open();
  box.board.isDown = true;
  const { code, out } = await roundhouse(box, 'status');
  assert.match(out, /not ready {2}redis away/);
  assert.match(out, /smollm2/);
  assert.equal(code, 69);
});

test('jobs, job and cancel understand the real API', async () => {
  await using box = await ApiBox.open();
  const { id } = (await (await box.post('/jobs', { model: 'piper', input: { input: 'x' } })).json()) as {
    id: string;
  };
  assert.match(
    (await roundhouse(box, 'jobs', '--model', 'tts-1')).out,
    new RegExp(`^${id} +piper +queued`, 'm'),
  );
  assert.match((await roundhouse(box, 'job', id)).out, /status {3}queued, number 1\n/);
  assert.match((await roundhouse(box, 'cancel', id)).out, /status {3}cancelled/);
  assert.match((await roundhouse(box, 'jobs', '--status', 'queued')).out, /^No jobs\.$/m);
  const none = await roundhouse(box, 'job', 'job_01ARZ3NDEKTSV4RRFFQ69G5FAV');
  assert.match(none.err, /^error: No job /);
  assert.equal(none.code, 1);
});

test('an operator reaches a model by an id with a slash', async () => {
  await using box = await ApiBox.open();
  const { code, err } = await roundhouse(box, 'pause', 'acme/echo');
  assert.equal(err, '');
  assert.equal(code, 0);
  assert.deepEqual(box.board.sent, [{ type: 'pause', model: 'acme/echo' }]);
});

test('a model that does not exist is told with those that do', async () => {
  await using box = await ApiBox.open();
  const { code, err } = await roundhouse(box, 'load', 'nothing');
  assert.match(err, /The model "nothing" does not exist\. Models here: smollm2/);
  assert.equal(code, 1);
});

test('logs understands the real API, and says when there are none', async () => {
  await using box = await ApiBox.open();
  box.logs.lines.set('piper', ['one', 'two', 'three']);
  assert.equal((await roundhouse(box, 'logs', 'tts-1', '-n', '2')).out, 'two\nthree\n');
  const none = await roundhouse(box, 'logs', 'smollm2');
  assert.match(none.err, /^error: .*smollm2/);
  assert.equal(none.code, 1);
});
