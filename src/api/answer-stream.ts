import type { Response } from 'express';
import { errors } from '../contracts/error-catalogue.ts';
import type { RoundhouseError } from '../contracts/errors.ts';
import type { JobRecord } from '../contracts/job.ts';
import { failureOf } from './admission.ts';
import type { Bond } from './bond.ts';
import { ChunkOrder, type ChunkVerdict } from './chunk-order.ts';
import type { Api } from './dependencies.ts';
import type { LiveSignal } from './live-job.ts';
import { sendError, toRoundhouseError } from './middleware/error-response.ts';
import { EventStream } from './sse.ts';
import type { Connection } from './sync-wait.ts';
import { waitComment } from './wait-comment.ts';
import { wholeAsPayloads } from './whole-as-payloads.ts';

const commentEveryMs = 10_000;
const donePayload = '[DONE]';

/**
 * Sends a job's tokens as they come. The headers are held for `holdMs` at most, so that a fast failure keeps its
 * status; later ones become a data line. Comments keep proxies and clients patient.
 */
export class StreamAnswer {
  private readonly api: Api;
  private readonly bond: Bond;
  private readonly connection: Connection;
  private readonly response: Response;
  private readonly events: EventStream;
  private readonly order = new ChunkOrder();
  private state: 'held' | 'open' | 'over' = 'held';
  private wroteSinceTick = false;
  private cancelTimer: () => void = () => undefined;
  private unlisten: () => void = () => undefined;

  /** @param mostUnreadBytes what the client may leave unread; the default suits tokens */
  constructor(api: Api, bond: Bond, connection: Connection, response: Response, mostUnreadBytes?: number) {
    this.api = api;
    this.bond = bond;
    this.connection = connection;
    this.response = response;
    this.events = new EventStream(response, mostUnreadBytes);
  }

  start(holdMs: number): void {
    if (this.response.destroyed) return;
    this.response.once('close', () => this.finish());
    this.cancelTimer = this.api.clock.after(holdMs, () => this.commitWaiting());
    this.unlisten = this.bond.live.listen((signal) => this.receive(signal));
    if (this.state === 'over') this.unlisten();
  }

  private receive(signal: LiveSignal): void {
    if (this.state === 'over') return;
    switch (signal.type) {
      case 'chunk':
        this.relay(this.order.accept(signal));
        break;
      case 'started':
        this.relay(this.order.started(signal.attempt));
        break;
      case 'requeued':
        this.relay(this.order.requeued(signal.attempt));
        break;
      case 'ended':
        this.end(signal.record, signal.isLate);
        break;
      case 'refused':
        this.fail(signal.error);
        break;
      default:
    }
  }

  private relay(verdict: ChunkVerdict): void {
    switch (verdict.kind) {
      case 'ignore':
        break;
      case 'broken':
        this.interrupt();
        break;
      case 'send':
        this.send(verdict.payloads);
        break;
      default:
        verdict satisfies never;
    }
  }

  private send(payloads: readonly string[]): void {
    const doneAt = payloads.indexOf(donePayload);
    this.write(doneAt === -1 ? payloads : payloads.slice(0, doneAt));
    if (doneAt !== -1) this.complete();
  }

  private write(payloads: readonly string[]): void {
    if (this.isOverrun()) return;
    this.commit();
    if (payloads.length > 0) this.events.data(payloads);
    this.wroteSinceTick = true;
  }

  private end(record: JobRecord | null, isLate: boolean): void {
    if (record === null) {
      this.fail(errors.jobNotFound(this.bond.live.id));
    } else if (record.status !== 'completed') {
      void failureOf(this.api, record).then((error) => this.fail(error));
    } else if (!this.order.hasSent && record.output !== null) {
      void this.sendWhole(record);
    } else if (isLate) {
      this.interrupt();
    } else {
      this.complete();
    }
  }

  /** Its model answered in one piece, or all chunks of it were lost. */
  private async sendWhole(record: JobRecord): Promise<void> {
    try {
      const payloads = await wholeAsPayloads(this.api.artifacts, record);
      if (this.state !== 'over') this.send([...payloads, donePayload]);
    } catch (error) {
      this.fail(toRoundhouseError(error));
    }
  }

  /** The tokens break off here although the job goes on. */
  private interrupt(): void {
    this.connection.parting = 'kept';
    this.fail(errors.streamInterrupted(this.bond.live.id));
  }

  private complete(): void {
    if (this.state === 'over') return;
    this.commit();
    this.events.done();
    this.finish();
  }

  private fail(error: RoundhouseError): void {
    if (this.state === 'over') return;
    const wasHeld = this.state === 'held';
    this.finish();
    if (wasHeld) {
      sendError(this.response, error);
    } else {
      this.events.error(error.toBody());
      this.events.done();
    }
  }

  private commit(): void {
    if (this.state !== 'held') return;
    this.state = 'open';
    this.events.open();
    this.nextTick();
  }

  private commitWaiting(): void {
    this.commit();
    this.events.flush();
    void this.tellWait();
  }

  private nextTick(): void {
    this.cancelTimer();
    this.cancelTimer = this.api.clock.after(commentEveryMs, () => {
      if (!this.isOverrun() && !this.wroteSinceTick) void this.tellWait();
      this.wroteSinceTick = false;
      if (this.state === 'open') this.nextTick();
    });
  }

  private async tellWait(): Promise<void> {
    const { id, model } = this.bond.live;
    const [position, board] = await Promise.all([
      this.api.jobs.position(id).catch(() => null),
      Promise.resolve(this.api.boardView.current()).catch(() => null),
    ]);
    if (this.state === 'open') this.events.comment(waitComment(model, position?.position ?? null, board));
  }

  /** A reader that does not read is let go, and its job with it. */
  private isOverrun(): boolean {
    if (!this.events.isOverrun) return false;
    this.connection.parting = 'overrun';
    this.finish();
    this.response.destroy();
    return true;
  }

  private finish(): void {
    this.state = 'over';
    this.cancelTimer();
    this.unlisten();
  }
}
