import type { AddressInfo } from 'node:net';
import express from 'express';
import { Pool } from 'undici';

/** The pass-through that everything is compared with: Express in front, undici behind, bodies streamed both ways. */
const [socketPath = ''] = process.argv.slice(2);
const pool = new Pool('http://localhost', { socketPath, connections: 128, pipelining: 1 });
const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.post('/v1/chat/completions', async (request, response) => {
  await pool.stream(
    {
      method: 'POST',
      path: request.url,
      headers: {
        'content-type': 'application/json',
        'content-length': String(request.headers['content-length']),
      },
      body: request,
    },
    ({ statusCode, headers }) => {
      const { 'content-type': type = '', 'content-length': length } = headers;
      response.writeHead(statusCode, {
        'content-type': String(type),
        ...(length ? { 'content-length': String(length) } : {}),
      });
      return response;
    },
  );
});
const server = app.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
