import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { Box, type Orchestrator } from '../helpers/orchestrator.ts';
import { standInModels } from '../helpers/stand-in-models.ts';

let box: Box;
let house: Orchestrator;

before(async () => {
  box = await Box.create();
  house = await box.start({
    models: standInModels([{ id: 'chat' }, { id: 'parked' }, { id: 'narrow', more: { queue_cap: 3 } }]),
    env: { ROUNDHOUSE_MAX_MEMORY_MB: '512' },
  });
  for (const model of ['parked', 'narrow'])
    await house.fetch(`/admin/models/${model}/pause`, { method: 'POST' });
});

after(async () => {
  const code = await house.stop();
  const complaints = house.output.filter((line) => !line.startsWith('{'));
  const survivors = await box.survivors();
  await box[Symbol.asyncDispose]();
  assert.deepEqual([code, complaints, survivors], [0, [], []]);
});

const post = (model: string, content: string): Promise<Response> =>
  house.fetch('/jobs', {
    method: 'POST',
    body: JSON.stringify({ model, input: { messages: [{ role: 'user', content }] } }),
  });

test('a lane at its cap refuses with 429 and when to come back', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => post('narrow', 'hello')));
  const refused = answers.filter(({ status }) => status === 429);
  assert.equal(refused.length, 5);
  for (const { headers } of refused) {
    const afterS = Number(headers.get('retry-after'));
    assert.ok(afterS >= 1 && afterS <= 60, String(afterS));
  }
});

test('hundreds of clients that never end their request keep nobody else waiting', async () => {
  const { port } = new URL(house.url);
  const head = `POST /jobs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${house.apiKey}\r\ncontent-type: application/json\r\n`;
  const sockets = await Promise.all(
    Array.from({ length: 300 }, () => slowClient(Number(port), `${head}content-length: 5000\r\n\r\n{`)),
  );
  const answer = await house.json<{ object: string }>('/v1/chat/completions', {
    model: 'chat',
    messages: [{ role: 'user', content: 'hello' }],
  });
  assert.equal(answer.object, 'chat.completion');
  for (const socket of sockets) socket.destroy();
});

test('a thousand long polls of one job all hear of its end', async () => {
  const { id } = (await (await post('parked', 'hello')).json()) as { id: string };
  const polls = Array.from({ length: 1000 }, () => house.json<{ status: string }>(`/jobs/${id}?wait=60`));
  await house.fetch(`/jobs/${id}/cancel`, { method: 'POST' });
  const statuses = new Set((await Promise.all(polls)).map(({ status }) => status));
  assert.deepEqual([...statuses], ['cancelled']);
});

// The last one: Redis may be busy writing for a while afterwards.
test('twenty bodies of almost the limit at once are taken, or refused for a moment, and health answers meanwhile', async () => {
  const content = 'x'.repeat(9 * 1024 * 1024);
  const jobs = Array.from({ length: 20 }, () => post('parked', content));
  assert.equal((await fetch(`${house.url}/health`)).status, 200);
  const answers = await Promise.all(jobs);
  const refused = answers.filter(({ status }) => status !== 202);
  assert.ok(refused.length < jobs.length / 2, `${refused.length} of them were refused`);
  for (const { status, headers } of refused) {
    assert.deepEqual([status, headers.has('retry-after')], [503, true]);
  }
});

function slowClient(port: number, beginning: string): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(beginning, () => resolve(socket)));
    socket.on('error', () => undefined);
  });
}
