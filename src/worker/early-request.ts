import type { BootId, JobId } from '../contracts/ids.ts';
import type { NewJob } from '../contracts/job.ts';
import type { HttpClient } from '../platform/http-client.ts';
import type { UpstreamResponse } from '../platform/http-exchange.ts';
import { jsonRequest } from './form-request.ts';
import { JoinedSignal } from './joined-signal.ts';
import type { ServerLease } from './ports.ts';

const firstAttempt = 1;
const calledOff = new Error('the job was not started');

/**
 * The request of a job without files, sent to its model server while Redis accepts the job. Nothing of the answer is
 * used before the job is stored and started; if it is not, the connection is closed.
 */
export class EarlyRequest {
  readonly lease: ServerLease;
  /** The attempt joins it with what may end the attempt. */
  readonly end = new JoinedSignal();
  /** It is called off; whether the server has noticed is not known yet. */
  isLettingGo = false;
  private readonly http: Pick<HttpClient, 'request'>;
  private readonly job: NewJob;
  private response: Promise<UpstreamResponse> | null = null;
  private isDecided = false;

  constructor(http: Pick<HttpClient, 'request'>, lease: ServerLease, job: NewJob) {
    this.http = http;
    this.lease = lease;
    this.job = job;
  }

  get jobId(): JobId {
    return this.job.id;
  }

  /** The start of the server that may be working on it; null: it is not begun. */
  get bootId(): BootId | null {
    return this.response === null ? null : this.lease.bootId;
  }

  begin(): void {
    if (this.isDecided) return;
    const { signal } = this.end;
    this.response = this.http.request(this.lease.target, { ...jsonRequest(this.job, firstAttempt), signal });
    // What goes wrong meanwhile is for the attempt to hear.
    this.response.catch(() => {});
  }

  /** The job was started: the answer, unless the request was not begun. */
  take(): Promise<UpstreamResponse> | null {
    this.isDecided = true;
    return this.response;
  }

  /** The job was not started. Whether a server may be at work on it. */
  cancel(): boolean {
    this.isDecided = true;
    this.isLettingGo = true;
    this.end.abort(calledOff);
    return this.response !== null;
  }
}
