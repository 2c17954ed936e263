import type { Response } from 'express';
import type { JobId } from '../contracts/ids.ts';
import { isTerminal, type JobRecord } from '../contracts/job.ts';
import type { Api } from './dependencies.ts';

const rereadMs = 1000;

/**
 * Waits until the job has ended, at most `waitMs`, and returns its record then: at once when this process hears of
 * the end, else within a second.
 */
export async function waitUntilEnded(
  api: Api,
  response: Response,
  waitMs: number,
  read: () => Promise<JobRecord>,
): Promise<JobRecord> {
  let record = await read();
  const untilMs = api.clock.monotonicMs() + waitMs;
  const watch = new EndWatch(api, record.id);
  try {
    while (!isTerminal(record.status) && !response.destroyed && !api.liveJobs.isStopping) {
      const leftMs = untilMs - api.clock.monotonicMs();
      if (leftMs <= 0) break;
      await watch.next(Math.min(rereadMs, leftMs));
      record = await read();
    }
    return record;
  } finally {
    watch.close();
  }
}

/** Turns the message that a job has settled into an early wake-up. */
class EndWatch {
  private readonly api: Api;
  private readonly unsubscribe: () => void;
  private hasSettled = false;
  private wake: () => void = () => undefined;

  constructor(api: Api, id: JobId) {
    this.api = api;
    this.unsubscribe = api.inbox.subscribe(id, (message) => {
      if (message.type !== 'settled') return;
      this.hasSettled = true;
      this.wake();
    });
  }

  next(ms: number): Promise<void> {
    if (this.hasSettled) {
      this.hasSettled = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const cancel = this.api.clock.after(ms, resolve);
      this.wake = () => {
        cancel();
        this.hasSettled = false;
        resolve();
      };
    });
  }

  close(): void {
    this.unsubscribe();
    this.wake();
  }
}
