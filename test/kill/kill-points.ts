import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Journal } from '../helpers/journal.ts';
import type { Box, Orchestrator } from '../helpers/orchestrator.ts';
import { processOf } from '../helpers/processes.ts';

/** What a kill point may look at and touch. */
export interface Scene {
  readonly box: Box;
  readonly house: Orchestrator;
  readonly journal: Journal;
  /** Submits a job of the chat or the speech stand-in and returns its id: from here on it must not be lost. */
  submit(model: 'chat' | 'voice'): Promise<string>;
}

/** A moment at which the orchestrator is killed; resolves when it has come. */
export interface KillPoint {
  readonly name: string;
  arrive(scene: Scene): Promise<void>;
  /** What the second start needs before its jobs can end. */
  revive?(house: Orchestrator): Promise<void>;
}

export const killPoints: readonly KillPoint[] = [
  {
    name: 'queued',
    async arrive({ house, submit }) {
      await house.json('/admin/models/chat/pause', {});
      for (let i = 0; i < 3; i++) await submit('chat');
    },
    async revive(house) {
      await house.json('/admin/models/chat/resume', {});
    },
  },
  {
    name: 'loading',
    async arrive({ house, submit }) {
      await submit('chat');
      await house.next('model.state-changed', { model: 'chat', to: 'loading' });
    },
  },
  {
    name: 'first token',
    async arrive({ journal, submit }) {
      const id = await submit('chat');
      await submit('chat');
      await journal.until(({ event, job }) => event === 'first_token' && job === id);
    },
  },
  {
    name: 'jobs enter from a backlog',
    async arrive({ journal, submit }) {
      const ids: string[] = [];
      for (let i = 0; i < 8; i++) ids.push(await submit('chat'));
      await journal.until(({ event, job }) => event === 'gen_end' && job === ids[2]);
    },
  },
  {
    name: 'result written but not settled',
    async arrive({ box, journal, submit }) {
      const redisPid = await processOf(box.dir, /(redis|valkey)-server$/);
      const id = await submit('voice');
      await journal.until(({ event, job }) => event === 'gen_start' && job === id);
      // Redis stands still from here on: the file is written, the record cannot be.
      process.kill(redisPid, 'SIGSTOP');
      await untilFile(join(box.dataDir, 'artifacts'), id);
    },
  },
  {
    name: 'mid-swap',
    async arrive({ house, submit }) {
      await submit('chat');
      await house.next('job.settled', { model: 'chat' });
      await submit('voice');
      await house.next('model.state-changed', { model: 'chat', to: 'stopping' });
    },
  },
];

/** The finished file of a job, looked for at each turn of the event loop: no notification reaches into new folders. */
async function untilFile(root: string, jobId: string): Promise<void> {
  for (;;) {
    const names = await readdir(root, { recursive: true }).catch(() => [] as string[]);
    if (names.some((name) => name.includes(`${jobId}/0.`))) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
