import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import express, { type Request, type Response } from 'express';
import { Agent, request } from 'undici';
import { messageClasses } from '../../../src/api/message-classes.ts';
import { TempDir } from '../../helpers/temp-dir.ts';

test('requests and responses are what Express would make of them, from the start', async () => {
  await using dir = await TempDir.create();
  const app = express();
  app.get('/', (asked: Request, response: Response) => {
    response.status(202).json({ path: asked.path, host: asked.get('host'), isApps: asked.app === app });
  });
  const kept: boolean[] = [];
  const server = createServer(messageClasses(app), (asked, response) => {
    const before = [asked, response].map(Object.getPrototypeOf);
    app(asked, response);
    kept.push([asked, response].every((each, at) => Object.getPrototypeOf(each) === before[at]));
  }).listen(dir.path('s'));
  await once(server, 'listening');
  const dispatcher = new Agent({ connect: { socketPath: dir.path('s') } });
  try {
    const { statusCode, body } = await request('http://here/?a=1', { dispatcher });
    assert.deepEqual(JSON.parse(await text(body)), { path: '/', host: 'here', isApps: true });
    assert.deepEqual([statusCode, kept], [202, [true]]);
  } finally {
    await dispatcher.close();
    await new Promise((resolve) => server.close(resolve));
  }
});
