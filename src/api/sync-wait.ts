import type { ServerResponse } from 'node:http';
import type { RoundhouseError } from '../contracts/errors.ts';
import type { JobRecord } from '../contracts/job.ts';
import type { Clock } from '../platform/clock.ts';
import type { Bond, Parting } from './bond.ts';
import type { LiveJob } from './live-job.ts';

/** How a wait came to its end. */
export type WaitEnd =
  | { readonly kind: 'ended'; readonly record: JobRecord | null }
  | { readonly kind: 'refused'; readonly error: RoundhouseError }
  /** The budget is spent. */
  | { readonly kind: 'over' }
  /** The client went away. */
  | { readonly kind: 'left' };

/** Waits, silently, until the job has ended, the budget is spent or the client is gone. Never rejects. */
export function waitForEnd(
  live: LiveJob,
  response: ServerResponse,
  budgetMs: number,
  clock: Clock,
): Promise<WaitEnd> {
  if (response.destroyed) return Promise.resolve({ kind: 'left' });
  return new Promise((resolve) => {
    let unlisten = (): void => undefined;
    const settle = (end: WaitEnd): void => {
      cancelTimer();
      unlisten();
      response.off('close', leave);
      resolve(end);
    };
    const leave = (): void => settle({ kind: 'left' });
    const cancelTimer = clock.after(budgetMs, () => settle({ kind: 'over' }));
    response.once('close', leave);
    unlisten = live.listen((signal) => {
      if (signal.type === 'ended') settle({ kind: 'ended', record: signal.record });
      if (signal.type === 'refused') settle({ kind: 'refused', error: signal.error });
    });
  });
}

/** One client's connection to a job: `parting` says how it will have ended, unless the client leaves before. */
export interface Connection {
  parting: Exclude<Parting, 'left'>;
}

/** Ties a job to this response until the response is over. */
export function connect(bond: Bond, response: ServerResponse): Connection {
  const connection: Connection = { parting: 'answered' };
  bond.connect();
  const part = (): void => {
    bond.disconnect(
      response.writableFinished || connection.parting === 'overrun' ? connection.parting : 'left',
    );
  };
  if (response.destroyed) part();
  else response.once('close', part);
  return connection;
}
