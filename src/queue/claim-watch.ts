import type { Redis } from 'ioredis';
import type { Emit } from '../contracts/events.ts';
import type { JobId } from '../contracts/ids.ts';
import type { Clock } from '../platform/clock.ts';
import { Ledger } from '../platform/ledger.ts';
import type { Claim } from './claim.ts';
import { keys } from './keys.ts';
import { runScript } from './scripts.ts';

const lookEveryMs = 5000;

/**
 * The attempts that are open in this process: tells each of them when it is cancelled or owned by another one. Looks at
 * the records every few seconds as well, because a control message may be lost.
 */
export class ClaimWatch {
  private readonly redis: Redis;
  private readonly clock: Clock;
  private readonly lockDurationMs: number;
  private readonly emit: Emit;
  private readonly claims = new Ledger<JobId, Claim>();
  /** Job -> token, from the fetch until the attempt is over. */
  private readonly tokens = new Map<string, string>();
  private readonly fetching = new Set<string>();
  private stopTimer: () => void = () => undefined;
  private isStopped = false;

  constructor(redis: Redis, clock: Clock, lockDurationMs: number, emit: Emit) {
    this.redis = redis;
    this.clock = clock;
    this.lockDurationMs = lockDurationMs;
    this.emit = emit;
  }

  start(): void {
    if (this.isStopped) return;
    this.stopTimer = this.clock.after(lookEveryMs, () => {
      void this.look().finally(() => this.start());
    });
  }

  stop(): void {
    this.isStopped = true;
    this.stopTimer();
  }

  opening(token: string): void {
    this.fetching.add(token);
  }

  opened(token: string): void {
    this.fetching.delete(token);
  }

  claimed(jobId: JobId, token: string): void {
    this.tokens.set(jobId, token);
  }

  add(claim: Claim): void {
    this.claims.set(claim.record.id, claim);
  }

  remove(claim: Claim): void {
    this.forget(claim.record.id, claim.token);
  }

  forget(jobId: JobId, token: string): void {
    if (this.tokens.get(jobId) === token) this.tokens.delete(jobId);
    if (this.claims.get(jobId)?.token === token) this.claims.delete(jobId);
  }

  /** Whether the lock of this job belongs to work that is going on here. */
  isOpen(jobId: string, token: string | null): boolean {
    if (token !== null && this.fetching.has(token)) return true;
    const mine = this.tokens.get(jobId);
    return mine !== undefined && (token === null || mine === token);
  }

  cancel(jobId: JobId): void {
    this.claims.get(jobId)?.cancel();
  }

  /** After an outage the lock may only have timed out: it is taken back where nobody else has the job. */
  async lockLost(jobId: string): Promise<void> {
    const claim = this.claims.get(jobId as JobId);
    if (!claim) return;
    const held = await runScript<number>(
      this.redis,
      'relock',
      this.clock.now(),
      claim.lane,
      jobId,
      claim.token,
      this.lockDurationMs,
    ).catch(() => 0);
    if (held === 1 || claim.signal.aborted) return;
    this.emit({ type: 'worker.lock-lost', jobId: claim.record.id });
    claim.loseLock();
  }

  private async look(): Promise<void> {
    for (const claim of [...this.claims.values()]) {
      const [status, owner] = await this.redis
        .hmget(keys.job(claim.record.id), 'status', 'claim')
        .catch(() => []);
      if (this.claims.get(claim.record.id) === undefined || status === undefined) continue;
      if (status === 'cancelling' && owner === claim.token) claim.cancel();
      else if (owner !== claim.token && !claim.signal.aborted) claim.loseLock();
    }
  }
}
