import { RoundhouseError } from '../contracts/errors.ts';
import type { Emit } from '../contracts/events.ts';
import type { Outcome } from '../contracts/job.ts';
import type { ModelSpec } from '../contracts/model.ts';
import type { Clock } from '../platform/clock.ts';
import type { HttpClient } from '../platform/http-client.ts';
import { ChunkSender } from './chunk-sender.ts';
import type { EarlyRequest } from './early-request.ts';
import { serverRequest } from './form-request.ts';
import { GenerationFailed } from './generation-failed.ts';
import { JoinedSignal } from './joined-signal.ts';
import { judge } from './judge.ts';
import type { ArtifactSink, ClaimedJob, JobChannel, ServerLease, UploadSource } from './ports.ts';
import { readAnswer } from './read-answer.ts';
import { type SilenceLimits, SilenceWatch } from './silence-watch.ts';

export interface AttemptTools {
  readonly http: Pick<HttpClient, 'request'>;
  readonly channel: JobChannel;
  readonly artifacts: ArtifactSink;
  readonly uploads: UploadSource;
  readonly clock: Clock;
  readonly emit: Emit;
}

export interface AttemptFacts {
  readonly claim: ClaimedJob;
  readonly lease: ServerLease;
  readonly spec: ModelSpec;
  /** The request that is on its way already; null: none is. */
  readonly early: EarlyRequest | null;
  /** Aborts when the worker stops and can wait no longer. */
  readonly stopping: AbortSignal;
}

/** A connection breaks a moment before the end of its server is known, which says more. */
const deathNoticeMs = 2000;

/** What an attempt came to; `isBrokenOff`: its server may still be working on it. */
export interface AttemptEnd {
  readonly outcome: Outcome;
  readonly isBrokenOff: boolean;
}

/** One try at one job on a resident server. Never throws: whatever happens is an outcome. */
export async function runAttempt(tools: AttemptTools, facts: AttemptFacts): Promise<AttemptEnd> {
  const { claim, spec, lease, stopping } = facts;
  const end = facts.early?.end ?? new JoinedSignal();
  const { executionTimeoutMs } = claim.record;
  const watch = new SilenceWatch(tools.clock, silenceLimits(claim, spec), executionTimeoutMs, (overrun) =>
    end.abort(new Error(overrun)),
  );
  const chunks = new ChunkSender(tools.channel, tools.clock, claim);
  const unlisten = followProgress(tools.channel, facts, watch);
  end.join([claim.signal], [lease.gone, stopping]);
  try {
    const result = await generate(tools, facts, { watch, chunks, signal: end.signal });
    return { outcome: { kind: 'completed', result }, isBrokenOff: false };
  } catch (error) {
    chunks.flush();
    if (!isExplained(error, facts, watch)) await tools.clock.sleep(deathNoticeMs, facts.lease.gone);
    return await breakOff(tools, facts, watch, error);
  } finally {
    watch.stop();
    unlisten();
    // Whatever was left unread of the answer: no connection outlives its attempt.
    end.release();
  }
}

interface Generation {
  readonly watch: SilenceWatch;
  readonly chunks: ChunkSender;
  readonly signal: AbortSignal;
}

async function generate(tools: AttemptTools, facts: AttemptFacts, generation: Generation) {
  const { claim } = facts;
  const { watch, chunks, signal } = generation;
  const response = await (facts.early?.take() ?? request(tools, facts, signal));
  const onSaving = () => tools.channel.progress(claim.record, null, 'saving');
  const { artifacts } = tools;
  return readAnswer(response, { claim, artifacts, chunks, onSign: () => watch.sign(), onSaving });
}

async function request({ http, uploads }: AttemptTools, { claim, lease }: AttemptFacts, signal: AbortSignal) {
  signal.throwIfAborted();
  const { id, endpoint } = claim.record;
  const job = { id, endpoint, body: claim.body, uploads: claim.uploads ?? null };
  return http.request(lease.target, { ...serverRequest(job, claim.attempt, uploads), signal });
}

function isExplained(
  error: unknown,
  { claim, lease, stopping }: AttemptFacts,
  { overrun }: SilenceWatch,
): boolean {
  const isTold = error instanceof RoundhouseError || error instanceof GenerationFailed;
  const ends = [claim.signal, lease.gone, stopping];
  return isTold || overrun !== null || ends.some(({ aborted }) => aborted);
}

/** Only what streams, and text, is known to give signs: elsewhere a long silence may be honest work. */
function silenceLimits({ record }: ClaimedJob, { deadlines, type }: ModelSpec): SilenceLimits {
  const givesSigns = record.stream || type === 'text';
  return { firstMs: givesSigns ? deadlines.firstTokenMs : null, betweenMs: deadlines.interTokenMs };
}

function followProgress(
  channel: JobChannel,
  { claim, lease }: AttemptFacts,
  watch: SilenceWatch,
): () => void {
  const { record } = claim;
  if (!record.stream) channel.progress(record, null, 'generating');
  return lease.onProgress(record.id, (progress) => {
    watch.sign();
    channel.progress(record, progress === null ? null : Math.round(progress * 100), 'generating');
  });
}

async function breakOff(
  { emit }: AttemptTools,
  { claim, lease, spec, stopping }: AttemptFacts,
  watch: SilenceWatch,
  error: unknown,
): Promise<AttemptEnd> {
  const { outcome, killBecause } = judge({
    model: spec.id,
    error,
    claimEnd: reasonOf(claim.signal),
    serverEnd: reasonOf(lease.gone),
    overrun: watch.overrun,
    executionTimeoutMs: claim.record.executionTimeoutMs,
    isStopping: stopping.aborted,
  });
  if (killBecause === null) return { outcome, isBrokenOff: !lease.gone.aborted };
  emit({
    type: 'server.hung',
    model: spec.id,
    bootId: lease.bootId,
    what: killBecause,
    silentMs: watch.silentMs,
  });
  await lease.kill(killBecause);
  return { outcome, isBrokenOff: false };
}

const reasonOf = (signal: AbortSignal): unknown => (signal.aborted ? signal.reason : undefined);
