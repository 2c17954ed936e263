import type { AddressInfo } from 'node:net';
import { Queue, QueueEvents, Worker } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';
import { Pool } from 'undici';

/** Stock BullMQ as its documentation shows it: add, a Worker, `waitUntilFinished`. Role all, api or worker. */
const [role = 'all', redisPath = '', socketPath = ''] = process.argv.slice(2);
const name = `bench-${process.argv[5] ?? 'jobs'}`;
const redis = () => new Redis({ path: redisPath, maxRetriesPerRequest: null });

if (role !== 'api') {
  const pool = new Pool('http://localhost', { socketPath, connections: 128, pipelining: 1 });
  const headers = { 'content-type': 'application/json' };
  const worker = new Worker(
    name,
    async ({ data }) => {
      const body = JSON.stringify(data);
      const answer = await pool.request({ method: 'POST', path: '/v1/chat/completions', headers, body });
      return answer.body.json();
    },
    { connection: redis(), concurrency: 64, removeOnComplete: { count: 1000 } },
  );
  await worker.waitUntilReady();
  if (role === 'worker') console.log('ready');
}

if (role !== 'worker') {
  const queue = new Queue(name, { connection: redis() });
  queue.setMaxListeners(0);
  const events = new QueueEvents(name, { connection: redis() });
  events.setMaxListeners(0);
  await events.waitUntilReady();
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(express.json());
  app.post('/v1/chat/completions', async (request, response) => {
    const job = await queue.add('chat', request.body);
    response.json(await job.waitUntilFinished(events));
  });
  const server = app.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
}
