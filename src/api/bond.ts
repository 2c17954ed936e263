import type { RoundhouseError } from '../contracts/errors.ts';
import type { ApiDependencies } from './dependencies.ts';
import type { LiveJob } from './live-job.ts';

type Dependencies = Pick<ApiDependencies, 'jobs' | 'clock' | 'emit' | 'settings'>;

/** How a connection ended. */
export type Parting =
  /** The client has its answer. */
  | 'answered'
  /** It was told to look at the job later, which goes on without it. */
  | 'kept'
  /** It went away before its answer. */
  | 'left'
  /** It did not read what it asked for. */
  | 'overrun';

const cancelTries = 30;
const cancelRetryMs = 1000;

/** Binds a job to the connections that wait for it: without any of them it is cancelled, after a grace for a retry. */
export class Bond {
  readonly live: LiveJob;
  /** False once the client was promised that the job goes on, or never hung on its connection. */
  private isBinding: boolean;
  private connections = 0;
  private endGrace: () => void = () => undefined;
  private readonly deps: Dependencies;
  private readonly forget: (bond: Bond) => void;

  constructor(deps: Dependencies, live: LiveJob, isBinding: boolean, forget: (bond: Bond) => void) {
    this.deps = deps;
    this.live = live;
    this.isBinding = isBinding;
    this.forget = forget;
  }

  get isIdle(): boolean {
    return this.connections === 0;
  }

  connect(): void {
    this.connections++;
    this.endGrace();
  }

  disconnect(parting: Parting): void {
    this.connections--;
    if (parting === 'kept') this.isBinding = false;
    if (parting === 'left') this.deps.emit({ type: 'job.client-left', jobId: this.live.id });
    if (this.connections > 0) return;
    if (parting === 'answered') this.forget(this);
    if (parting === 'overrun') this.abandonIfBinding();
    if (parting === 'left') {
      this.endGrace = this.deps.clock.after(this.deps.settings.disconnectGraceMs, () => this.giveUp());
    }
  }

  /** Nobody came back. */
  private giveUp(): void {
    if (this.live.hasEnded) this.forget(this);
    else if (this.isBinding) this.abandon();
  }

  /** The queue did not take the job. */
  refuse(error: RoundhouseError): void {
    this.live.refuse(error);
    this.forget(this);
  }

  dispose(): void {
    this.endGrace();
    this.live.dispose();
  }

  /** Cancels the job because nobody waits for it any more. */
  abandon(): void {
    this.forget(this);
    this.cancel('the client left', cancelTries);
  }

  /** The same, unless the job may go on without its client. */
  abandonIfBinding(): void {
    if (this.isBinding) this.abandon();
    else this.forget(this);
  }

  private cancel(reason: string, triesLeft: number): void {
    this.deps.jobs.cancel(this.live.id, reason).catch(() => {
      if (triesLeft > 1) this.deps.clock.after(cancelRetryMs, () => this.cancel(reason, triesLeft - 1));
    });
  }
}
