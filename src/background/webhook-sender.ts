import { Webhook } from 'standardwebhooks';
import type { Emit } from '../contracts/events.ts';
import type { JobRecord } from '../contracts/job.ts';
import type { Clock } from '../platform/clock.ts';
import type { Service } from '../platform/service.ts';
import type { SignedLinks } from '../platform/signed-links.ts';
import type { GuardedClient } from '../platform/webhook-address.ts';
import type { WebhookDelivery, WebhookQueue } from './ports.ts';
import { webhookBody } from './webhook-event.ts';
import { failureOfError, failureOfStatus, type WebhookFailure } from './webhook-failure.ts';

export interface WebhookSenderOptions {
  readonly queue: WebhookQueue;
  readonly client: GuardedClient;
  /** `whsec_` and base64: receivers verify with it. */
  readonly secret: string;
  /** Base URL of the links in events; null: they begin with the path. */
  readonly publicUrl: string | null;
  /** What makes the links to files good without a key. */
  readonly links: SignedLinks;
  readonly clock: Clock;
  readonly emit: Emit;
  /** What the log says of the next try after a failed attempt, ms; the queue adds chance to it. */
  readonly retryInMs?: (attempt: number) => number;
}

const timeoutMs = 15_000;
const maxResponseBytes = 65_536;

/** Delivers the signed callbacks that ended jobs owe. Trying again is the queue's part. */
export class WebhookSender implements Service {
  readonly name = 'webhooks';
  private readonly options: WebhookSenderOptions;
  private readonly signer: Webhook;
  private isStopping = false;

  /** @throws when the secret cannot be one */
  constructor(options: WebhookSenderOptions) {
    this.options = options;
    this.signer = new Webhook(options.secret);
  }

  async start(): Promise<void> {
    await this.options.queue.start((delivery) => this.deliver(delivery));
  }

  /** What is under way may end until the deadline; what is cut off is tried again after the next start. */
  async stop(deadline: AbortSignal): Promise<void> {
    const cut = (): void => {
      this.isStopping = true;
      void this.options.client.close();
    };
    if (deadline.aborted) cut();
    else deadline.addEventListener('abort', cut, { once: true });
    await this.options.queue.stop(deadline);
    deadline.removeEventListener('abort', cut);
    cut();
  }

  private async deliver(delivery: WebhookDelivery): Promise<void> {
    const { record, jobId, attempt } = delivery;
    if (record === null) {
      const reason = 'the record of the job is gone';
      this.options.emit({ type: 'webhook.failed', jobId, attempt, reason, retryInMs: null });
    } else if (record.webhook !== null) {
      await this.send(delivery, record, record.webhook.url);
    }
  }

  private async send(delivery: WebhookDelivery, record: JobRecord, url: string): Promise<void> {
    const { clock, emit } = this.options;
    const { jobId, attempt } = delivery;
    const startedMs = clock.monotonicMs();
    const result = await this.post(delivery, record, url);
    if ('kind' in result) return this.fail(delivery, result);
    await delivery.report({ status: 'delivered', error: null });
    const tookMs = Math.round(clock.monotonicMs() - startedMs);
    emit({ type: 'webhook.delivered', jobId, attempt, status: result.status, tookMs });
  }

  private async post(
    { eventId, jobId }: WebhookDelivery,
    record: JobRecord,
    url: string,
  ): Promise<WebhookFailure | { readonly status: number }> {
    const { publicUrl, links } = this.options;
    const body = webhookBody(eventId, record, {
      baseUrl: (publicUrl ?? '').replace(/\/+$/, ''),
      queryOf: (job, index) => links.queryOf(job, index),
    });
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Roundhouse-Webhooks/1',
      'x-job-id': jobId,
      ...this.signature(eventId, body),
    };
    try {
      const { status } = await this.options.client.post(url, { headers, body, timeoutMs, maxResponseBytes });
      return failureOfStatus(status) ?? { status };
    } catch (error) {
      return failureOfError(error);
    }
  }

  /** Fresh at each try: receivers refuse a signature that is older than some minutes. */
  private signature(eventId: string, body: string): Record<string, string> {
    const seconds = Math.floor(this.options.clock.now() / 1000);
    return {
      'webhook-id': eventId,
      'webhook-timestamp': String(seconds),
      'webhook-signature': this.signer.sign(eventId, new Date(seconds * 1000), body),
    };
  }

  /** @throws to be tried again */
  private async fail(delivery: WebhookDelivery, { kind, detail, isFinal }: WebhookFailure): Promise<void> {
    const { jobId, attempt, lastAttempt } = delivery;
    const reason = `${kind}: ${detail}`;
    if (this.isStopping) throw new Error(reason);
    const isOver = isFinal || lastAttempt;
    await delivery.report({ status: isOver ? 'failed' : 'pending', error: reason });
    const retryInMs = isOver ? null : (this.options.retryInMs ?? doubling)(attempt);
    this.options.emit({ type: 'webhook.failed', jobId, attempt, reason, retryInMs });
    if (!isFinal) throw new Error(reason);
  }
}

const doubling = (attempt: number): number => 2_000 * 2 ** (attempt - 1);
