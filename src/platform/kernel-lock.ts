import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';

/** Held until `release`, or until this process ends in whatever way. */
export interface KernelLock {
  release(): Promise<void>;
}

/**
 * Takes a lock that the kernel gives back when its holder dies, `kill -9` included: an abstract Unix socket, which
 * leaves no file behind. null: another process of this host holds it.
 */
export async function takeKernelLock(name: string): Promise<KernelLock | null> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(String(process.pid));
  });
  try {
    server.listen(address(name));
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw error;
  }
  server.unref();
  return { release: () => close(server) };
}

/** The process that holds a lock; null when nobody does, or it does not answer. */
export async function kernelLockHolder(name: string): Promise<number | null> {
  const socket = connect(address(name));
  socket.setTimeout(5000, () => socket.destroy());
  let text = '';
  try {
    for await (const chunk of socket) text += chunk;
  } catch {
    return null;
  }
  return text === '' ? null : Number(text);
}

const address = (name: string): string =>
  `\0roundhouse-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
