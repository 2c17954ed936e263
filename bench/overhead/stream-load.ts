import { once } from 'node:events';
import { connect } from 'node:net';
import { rawRequest } from '../lib/closed-loop.ts';
import { monotonicMs } from '../lib/latency.ts';
import { cpuUs } from '../lib/processes.ts';
import { type Column, prompt } from './columns.ts';

export interface StreamLoad {
  readonly streams: number;
  readonly tokens: number;
  readonly tokenMs: number;
}

export interface StreamCost {
  readonly tokens: number;
  readonly cpuUsPerToken: number;
  /** From the model server's write to the client's read, per token. */
  readonly latenessMs: readonly number[];
}

/** So many streams at once, each at its pace: what a token costs between client and model server. */
export async function streamCost(column: Column, load: StreamLoad): Promise<StreamCost> {
  const body = { ...prompt, stream: true, max_tokens: load.tokens, token_ms: load.tokenMs };
  const request = rawRequest('/v1/chat/completions', body, column.headers);
  const before = await cpuOf(column);
  const readings = await Promise.all(Array.from({ length: load.streams }, () => readTokens(column, request)));
  const usedUs = (await cpuOf(column)) - before;
  const latenessMs = readings.flat();
  const expected = load.streams * load.tokens;
  if (latenessMs.length !== expected) throw new Error(`${latenessMs.length} of ${expected} tokens came`);
  return { tokens: expected, cpuUsPerToken: usedUs / expected, latenessMs };
}

async function cpuOf({ pids }: Column): Promise<number> {
  const each = await Promise.all(pids.map(cpuUs));
  return each.reduce((sum, us) => sum + us, 0);
}

async function readTokens({ target }: Column, request: Buffer): Promise<number[]> {
  const socket = connect(target);
  await once(socket, 'connect');
  socket.write(request);
  const lateness: number[] = [];
  let rest = '';
  for await (const bytes of socket) {
    const nowMs = monotonicMs();
    rest += (bytes as Buffer).toString('latin1');
    const sent = rest.matchAll(/@(\d+\.\d\d)"/g);
    let end = 0;
    for (const match of sent) {
      lateness.push(nowMs - Number(match[1]));
      end = match.index + match[0].length;
    }
    rest = rest.slice(end);
    if (rest.includes('data: [DONE]')) break;
  }
  socket.destroy();
  return lateness;
}
