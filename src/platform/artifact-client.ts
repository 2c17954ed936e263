import { Readable } from 'node:stream';
import pRetry from 'p-retry';
import { errors } from '../contracts/error-catalogue.ts';
import { ArtifactTransfer, type RemoteArtifact } from './artifact-transfer.ts';
import { backoffDelayMs } from './backoff.ts';
import type { ByteRange } from './byte-range.ts';
import { type Clock, systemClock } from './clock.ts';
import type { HttpClient } from './http-client.ts';
import type { UpstreamResponse } from './http-exchange.ts';

export interface ArtifactClientOptions {
  readonly http: HttpClient;
  /** What the workers' artifact servers ask for. */
  readonly token: string;
  readonly clock?: Clock;
  /** Pause before the second try to reach a worker; it doubles. */
  readonly firstPauseMs?: number;
}

/** One connection of a transfer; `cut` closes it at once. */
interface Arrival {
  readonly response: UpstreamResponse;
  readonly cut: () => void;
  /** Aborts with the connection. */
  readonly signal: AbortSignal;
}

/** Nothing for so long: the connection is dead, whatever it says. */
const stallMs = 20_000;
/** Tries in a row without a single byte. */
const patience = 4;
const backoff = { baseMs: 250, factor: 2, capMs: 4_000, jitter: 0.2 };

/** Reads files of another machine's `ArtifactServer`, over breaks of the connection. */
export class ArtifactClient {
  private readonly http: HttpClient;
  private readonly token: string;
  private readonly clock: Clock;
  private readonly firstPauseMs: number;

  constructor({ http, token, clock = systemClock, firstPauseMs = 250 }: ArtifactClientOptions) {
    this.http = http;
    this.token = token;
    this.clock = clock;
    this.firstPauseMs = firstPauseMs;
  }

  /**
   * The bytes of a file, or a range of them; null: the worker has it no more. A transfer that breaks is resumed where
   * it broke. A whole file is checked against its sha256 before its last piece is handed out.
   * @param baseUrl of the worker's artifact server
   * @throws artifact_unreachable when the worker does not answer, not even after the second or two of a restart
   */
  async open(baseUrl: string, artifact: RemoteArtifact, range?: ByteRange): Promise<Readable | null> {
    const transfer = new ArtifactTransfer(baseUrl, artifact, range);
    const stop = new AbortController();
    const first = await this.reach(transfer, stop.signal);
    if (first === null) return null;
    return readableOf(this.pieces(transfer, first, stop.signal), stop);
  }

  private reach(transfer: ArtifactTransfer, stop: AbortSignal): Promise<Arrival | null> {
    return pRetry(() => this.request(transfer, stop), {
      retries: patience - 1,
      minTimeout: this.firstPauseMs,
      shouldRetry: ({ error }) => isAway(error),
    }).catch((error: Error) => {
      throw errors.artifactUnreachable(
        error instanceof Refused ? 'it refuses to hand it out' : 'it does not answer',
      );
    });
  }

  /** One piece behind, so that the last is held back until all is known to be right. */
  private async *pieces(
    transfer: ArtifactTransfer,
    first: Arrival,
    stop: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    let held: Uint8Array | null = null;
    for await (const piece of this.arriving(transfer, first, stop)) {
      if (held !== null) yield held;
      held = piece;
    }
    transfer.verify();
    if (held !== null) yield held;
  }

  private async *arriving(
    transfer: ArtifactTransfer,
    first: Arrival,
    stop: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    let arrival: Arrival | null = first;
    if (transfer.isComplete) first.cut(); // an empty file has no body to read
    for (let failures = 0; !transfer.isComplete; arrival = null) {
      const before = transfer.taken;
      try {
        arrival ??= await this.request(transfer, stop);
        if (arrival === null) throw new Gone();
        yield* this.body(arrival, transfer);
      } catch (error) {
        stop.throwIfAborted();
        failures = transfer.taken > before ? 1 : failures + 1;
        if (error instanceof Gone || failures >= patience) throw error;
        await this.clock.sleep(backoffDelayMs(failures, backoff), stop);
      }
    }
  }

  private async *body(
    { response, cut, signal }: Arrival,
    transfer: ArtifactTransfer,
  ): AsyncGenerator<Uint8Array> {
    const pieces = response.body[Symbol.asyncIterator]();
    try {
      while (!transfer.isComplete) {
        const next = await this.unlessStalled(pieces.next(), signal);
        if (next.done) throw new Error('the transfer ended early');
        transfer.take(next.value);
        yield next.value;
      }
    } finally {
      cut();
    }
  }

  /** null: there is no such file. */
  private async request(transfer: ArtifactTransfer, stop: AbortSignal): Promise<Arrival | null> {
    const { rest, url } = transfer;
    const cutting = new AbortController();
    const cut = (): void => cutting.abort(new Error('the transfer is cut'));
    const signal = AbortSignal.any([stop, cutting.signal]);
    const range = rest === null ? {} : { range: `bytes=${rest.start}-${rest.end}` };
    const headers = { authorization: `Bearer ${this.token}`, ...range };
    try {
      const options = { method: 'GET', path: url.pathname, headers, signal };
      const response = await this.unlessStalled(this.http.request({ origin: url.origin }, options), signal);
      if (response.status === (rest === null ? 200 : 206)) return { response, cut, signal };
      if (response.status !== 404 && response.status !== 416)
        throw new Refused(`${url} answered ${response.status}`);
    } catch (error) {
      cut();
      throw error;
    }
    cut();
    return null;
  }

  private async unlessStalled<Result>(result: Promise<Result>, signal: AbortSignal): Promise<Result> {
    const over = new AbortController();
    const stalled = this.clock.sleep(stallMs, AbortSignal.any([over.signal, signal])).then(() => {
      signal.throwIfAborted();
      throw new Error(`nothing came for ${stallMs / 1000} s`);
    });
    try {
      return await Promise.race([result, stalled]);
    } finally {
      over.abort();
    }
  }
}

/** Whoever destroys it does not wait for the next piece: `stop` aborts first. */
function readableOf(pieces: AsyncGenerator<Uint8Array>, stop: AbortController): Readable {
  const readable = Readable.from(pieces, { objectMode: false });
  const finish = readable._destroy.bind(readable);
  readable._destroy = (error, callback) => {
    stop.abort(new Error('nobody reads it any more'));
    finish(error, callback);
  };
  return readable;
}

/** Nobody took the request, as Node's codes say; an answer or a stall is not tried again. */
const isAway = (error: Error): boolean => 'code' in error;

class Refused extends Error {}

/** Removed during the transfer. */
class Gone extends Error {
  constructor() {
    super('the file was removed during the transfer');
  }
}
