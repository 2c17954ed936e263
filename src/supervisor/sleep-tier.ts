import type { Emit } from '../contracts/events.ts';
import type { BootId } from '../contracts/ids.ts';
import type { ModelSpec } from '../contracts/model.ts';
import { canarySchema, healthSchema, servicePaths } from '../contracts/service-protocol.ts';
import type { Clock } from '../platform/clock.ts';
import type { Target } from '../platform/http-client.ts';
import type { ProbeClient } from './health-probe.ts';
import type { HeldMemory } from './held-memory.ts';
import type { VramGate } from './vram-gate.ts';

export interface SleepTierOptions {
  readonly target: Target;
  readonly bootId: BootId;
  readonly http: ProbeClient;
  readonly gate: Pick<VramGate, 'waitUntilBack'>;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Host memory that may be taken, MB; null: nobody knows. */
  readonly hostFreeMb: () => Promise<number | null>;
  /** How long falling asleep, waking or a canary may take. */
  readonly patienceMs?: number;
}

const patienceMs = 60_000;
/** Left to everything else on the machine. */
const reserveMb = 1024;

/**
 * Sleep of one start of a server. It holds only when the GPU's memory really came back, and when a small generation
 * comes to the same after waking as before; what did not hold once is not tried again with this start.
 */
export class SleepTier {
  private readonly options: SleepTierOptions;
  private readonly patienceMs: number;
  private hasGivenUp = false;
  /** From its first sleep on it has the memory that it needs. */
  private hasHostCopy = false;
  /** Not asked yet: undefined; the service offers none: null. */
  private canary: string | null | undefined = undefined;
  private lastWords: string | null = null;

  constructor(options: SleepTierOptions) {
    this.options = options;
    this.patienceMs = options.patienceMs ?? patienceMs;
  }

  /** Whether it is worth trying. */
  get mayHold(): boolean {
    return !this.hasGivenUp;
  }

  /** It says that it is DEFUNCT, and is killed: whether its answer still comes is a race, and this says more. */
  heardDefunct(reason: string): void {
    this.lastWords = reason;
  }

  /** For a server without work. False: it has to be ended. Never rejects. */
  async sleep(spec: ModelSpec, held: HeldMemory): Promise<boolean> {
    const { clock, emit, bootId } = this.options;
    const startedMs = clock.monotonicMs();
    if (this.hasGivenUp || !(await this.hasHostMemory(spec))) return false;
    try {
      if (this.canary === undefined) this.canary = await this.sing();
      await this.tell(servicePaths.sleep, 'ASLEEP');
    } catch (error) {
      return this.giveUp(spec, this.lastWords ?? messageOf(error));
    }
    this.hasHostCopy = true;
    if (!(await this.options.gate.waitUntilBack(spec.id, held))) {
      return this.giveUp(spec, 'asleep, it did not give its GPU memory back');
    }
    emit({ type: 'server.slept', model: spec.id, bootId, tookMs: this.sinceMs(startedMs) });
    return true;
  }

  /** False: it has to be ended. Never rejects. */
  async wake(spec: ModelSpec): Promise<boolean> {
    const { clock, emit, bootId } = this.options;
    const startedMs = clock.monotonicMs();
    try {
      await this.tell(servicePaths.wake, 'READY');
      const canary = this.canary === null ? null : await this.sing();
      if (canary !== this.canary) return this.giveUp(spec, 'it answers otherwise since it was woken');
    } catch (error) {
      return this.giveUp(spec, this.lastWords ?? messageOf(error));
    }
    emit({ type: 'server.woke', model: spec.id, bootId, tookMs: this.sinceMs(startedMs) });
    return true;
  }

  private async hasHostMemory({ id, sleepRamMb }: ModelSpec): Promise<boolean> {
    if (this.hasHostCopy) return true;
    const { hostFreeMb, emit, bootId } = this.options;
    const freeMb = await hostFreeMb();
    if (freeMb === null || freeMb >= sleepRamMb + reserveMb) return true;
    const why = `it needs ${sleepRamMb} MB of host memory beside ${reserveMb} MB for the rest, and ${freeMb} MB are free`;
    emit({ type: 'server.sleepless', model: id, bootId, why, isFinal: false });
    return false;
  }

  /** What its canary comes to; null where it has none. */
  private async sing(): Promise<string | null> {
    const { status, body } = await this.post(servicePaths.canary);
    if (status === 404 || status === 501) return null;
    const answer = status === 200 ? canarySchema.safeParse(parse(body)).data : undefined;
    if (answer === undefined) throw new Error(`${servicePaths.canary} answered ${status}: ${excerpt(body)}`);
    return answer.canary;
  }

  private async tell(path: string, wanted: 'ASLEEP' | 'READY'): Promise<void> {
    const { status, body } = await this.post(path);
    const health = status === 200 ? healthSchema.safeParse(parse(body)).data : undefined;
    if (health?.status !== wanted) throw new Error(`${path} answered ${status}: ${excerpt(body)}`);
  }

  private async post(path: string): Promise<{ readonly status: number; readonly body: string }> {
    const { http, target, clock } = this.options;
    const late = new AbortController();
    const cancel = clock.after(this.patienceMs, () =>
      late.abort(new Error(`${path} did not answer within ${Math.round(this.patienceMs / 1000)} s`)),
    );
    try {
      const response = await http.request(target, { method: 'POST', path, signal: late.signal });
      return { status: response.status, body: await response.body.text() };
    } finally {
      cancel();
    }
  }

  private giveUp({ id: model }: ModelSpec, why: string): false {
    const { emit, bootId } = this.options;
    this.hasGivenUp = true;
    emit({ type: 'server.sleepless', model, bootId, why, isFinal: true });
    return false;
  }

  private sinceMs(startedMs: number): number {
    return Math.round(this.options.clock.monotonicMs() - startedMs);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const excerpt = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)} …` : text);

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
