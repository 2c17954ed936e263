import type { JobId, ModelId } from '../contracts/ids.ts';
import type { NewJob } from '../contracts/job.ts';
import { Ledger } from '../platform/ledger.ts';
import type { AttemptTools } from './attempt.ts';
import { EarlyRequest } from './early-request.ts';
import type { ServerLease, Turntable } from './ports.ts';

export interface EarlyRequestsOptions {
  readonly http: AttemptTools['http'];
  readonly turntable: Pick<Turntable, 'lease'>;
  /** Resolves when the server works on it no more. */
  readonly untilLetGo: (lease: ServerLease) => Promise<void>;
  readonly onFault: (jobId: JobId, error: unknown) => void;
}

/** The requests of jobs that are being accepted. */
export class EarlyRequests {
  private readonly options: EarlyRequestsOptions;
  private readonly requests = new Ledger<JobId, EarlyRequest>();

  constructor(options: EarlyRequestsOptions) {
    this.options = options;
  }

  values(): Iterable<EarlyRequest> {
    return this.requests.values();
  }

  /** null: there is nothing to begin with before the job is stored. */
  prepare(model: ModelId, job: NewJob): EarlyRequest | null {
    const { http, turntable } = this.options;
    const lease = job.uploads ? null : turntable.lease(model);
    if (lease === null) return null;
    const early = new EarlyRequest(http, lease, job);
    this.requests.set(job.id, early);
    return early;
  }

  /** Its job was started: it is a part of the attempt now. */
  handOver(early: EarlyRequest | null): void {
    if (early !== null) this.requests.delete(early.jobId);
  }

  /** Its job was not started: the server is to forget it. Never rejects. */
  async callOff(early: EarlyRequest | null): Promise<void> {
    if (early === null) return;
    const { untilLetGo, onFault } = this.options;
    try {
      if (early.cancel()) await untilLetGo(early.lease);
    } catch (error) {
      onFault(early.jobId, error);
    } finally {
      this.requests.delete(early.jobId);
      early.lease.release();
    }
  }
}
