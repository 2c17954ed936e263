import { hash } from 'node:crypto';
import { errors } from '../contracts/error-catalogue.ts';
import type { JobId, KeyId } from '../contracts/ids.ts';
import type { NewJob } from '../contracts/job.ts';
import { Ledger } from '../platform/ledger.ts';
import { Bond } from './bond.ts';
import type { ApiDependencies } from './dependencies.ts';
import { LiveJob } from './live-job.ts';

type Dependencies = Pick<ApiDependencies, 'jobs' | 'inbox' | 'clock' | 'emit' | 'settings'>;

const retryWindowMs = 600_000;

/** Two requests with the same one are the same request. */
export const fingerprintOf = (keyId: KeyId, endpoint: string, text: string): string =>
  hash('sha256', `${keyId}\n${endpoint}\n${text}`, 'base64');

/** All jobs that connections of this process wait for, so that a client that asks again finds its job. */
export class LiveJobs {
  private readonly deps: Dependencies;
  private readonly bonds = new Ledger<JobId, { readonly bond: Bond; readonly fingerprint: string }>();
  private hasStopped = false;
  private readonly byFingerprint = new Ledger<string, Bond>();

  constructor(deps: Dependencies) {
    this.deps = deps;
  }

  /** From now on nothing new is taken; what waits may go on for a while. */
  beginStop(): void {
    this.hasStopped = true;
  }

  get isStopping(): boolean {
    return this.hasStopped;
  }

  /** Starts to listen; call it before the job is submitted. `isBinding`: the job dies with its client. */
  open(job: NewJob, fingerprint: string, isBinding: boolean): Bond {
    this.sweep(job.createdAtMs);
    const bond = new Bond(this.deps, new LiveJob(this.deps, job), isBinding, (ended) => this.forget(ended));
    this.bonds.set(job.id, { bond, fingerprint });
    this.byFingerprint.set(fingerprint, bond);
    return bond;
  }

  /** The job of the same request, which its client sends again; null: there is none to come back to. */
  retryOf(fingerprint: string): Bond | null {
    const bond = this.byFingerprint.get(fingerprint);
    if (bond === undefined || this.deps.clock.now() - bond.live.createdAtMs > retryWindowMs) return null;
    if (bond.live.canReplay && !bond.live.hasFailed) return bond;
    if (bond.isIdle && !bond.live.hasEnded) bond.abandon();
    return null;
  }

  /** Looks at a job now, when somebody here waits for it. */
  recheck(id: JobId): void {
    this.bonds.get(id)?.bond.live.recheck();
  }

  /** Tells every waiting connection that we stop; their jobs are cancelled, since their clients will ask again. */
  stop(): void {
    this.hasStopped = true;
    for (const { bond } of [...this.bonds.values()]) {
      if (bond.live.hasEnded) continue;
      bond.live.refuse(errors.shuttingDown());
      bond.abandonIfBinding();
    }
  }

  private forget({ live }: Bond): void {
    this.forgetId(live.id);
  }

  private forgetId(id: JobId): void {
    const entry = this.bonds.get(id);
    if (entry === undefined) return;
    this.bonds.delete(id);
    if (this.byFingerprint.get(entry.fingerprint) === entry.bond)
      this.byFingerprint.delete(entry.fingerprint);
    entry.bond.dispose();
  }

  /** Bonds are kept in order of age: those that nobody can come back to are at the front. */
  private sweep(nowMs: number): void {
    for (const [id, { bond }] of this.bonds.entries()) {
      if (nowMs - bond.live.createdAtMs <= retryWindowMs) return;
      if (bond.isIdle) this.forgetId(id);
    }
  }
}
