import { connect } from 'node:net';

export type RedisAnswer = 'ready' | 'loading' | 'silent';

const patienceMs = 1000;

/** Asks a server on a Unix socket once; `loading` while it reads its data. Never rejects. */
export function probeRedis(socketPath: string): Promise<RedisAnswer> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const answer = (what: RedisAnswer) => {
      socket.destroy();
      resolve(what);
    };
    socket.setTimeout(patienceMs, () => answer('silent'));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('error', () => answer('silent'));
    socket.once('close', () => answer('silent'));
    socket.once('data', (data) => {
      const text = data.toString();
      // A full disk refuses even PING; the server is there all the same.
      if (/^\+PONG|^-MISCONF/.test(text)) answer('ready');
      else answer(text.startsWith('-LOADING') ? 'loading' : 'silent');
    });
  });
}
