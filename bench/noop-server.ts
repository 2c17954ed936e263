import { createServer, type ServerResponse } from 'node:http';
import { monotonicMs } from './lib/latency.ts';

/**
 * A model server that thinks nothing: one fixed answer, or `max_tokens` tokens, one every `token_ms`. Every token
 * carries the moment at which it was sent, on the clock that all processes of a machine share.
 */
const completion = JSON.stringify({
  id: 'chatcmpl-noop',
  object: 'chat.completion',
  created: 0,
  model: 'noop',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Nothing.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});
const completionBytes = Buffer.from(completion);

interface Wish {
  readonly stream?: boolean;
  readonly max_tokens?: number;
  readonly token_ms?: number;
}

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    if (request.method === 'GET') return sendJson(response, health());
    const wish = JSON.parse(Buffer.concat(parts).toString()) as Wish;
    if (wish.stream) void stream(response, wish);
    else sendJson(response, completionBytes);
  });
});

function sendJson(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

async function stream(response: ServerResponse, { max_tokens = 1, token_ms = 0 }: Wish): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const startMs = monotonicMs();
  for (let at = 0; at < max_tokens; at++) {
    const pauseMs = startMs + at * token_ms - monotonicMs();
    if (pauseMs > 1) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    if (response.destroyed) return;
    response.write(`data: ${token(at)}\n\n`);
  }
  response.write(`data: ${lastToken}\n\n`);
  response.end('data: [DONE]\n\n');
}

const chunk = (delta: object, finish: string | null) =>
  JSON.stringify({
    id: 'chatcmpl-noop',
    object: 'chat.completion.chunk',
    created: 0,
    model: 'noop',
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
const lastToken = chunk({}, 'stop');
const token = (at: number): string => chunk({ content: ` ${at} @${monotonicMs().toFixed(2)}` }, null);

const health = (): Buffer =>
  Buffer.from(JSON.stringify({ status: 'READY', boot_id: process.env.ROUNDHOUSE_BOOT_ID ?? null }));

server.keepAliveTimeout = 60_000;
process.once('SIGTERM', () => process.exit(0));
server.listen(process.env.ROUNDHOUSE_SOCKET ?? process.argv[2]);
