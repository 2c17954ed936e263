import { RoundhouseError } from '../contracts/errors.ts';
import type { Emit } from '../contracts/events.ts';
import type { Outcome } from '../contracts/job.ts';
import type { ModelSpec } from '../contracts/model.ts';
import type { Clock } from '../platform/clock.ts';
import type { HttpClient } from '../platform/http-client.ts';
import { ChunkSender } from './chunk-sender.ts';
import { GenerationFailed } from './generation-failed.ts';
import { joinSignals } from './joined-signal.ts';
import { judge } from './judge.ts';
import type { ArtifactSink, ClaimedJob, JobChannel, ServerLease } from './ports.ts';
import { readAnswer } from './read-answer.ts';
import { type SilenceLimits, SilenceWatch } from './silence-watch.ts';

export interface AttemptTools {
  readonly http: Pick<HttpClient, 'request'>;
  readonly channel: JobChannel;
  readonly artifacts: ArtifactSink;
  readonly clock: Clock;
  readonly emit: Emit;
}

export interface AttemptFacts {
  readonly claim: ClaimedJob;
  readonly lease: ServerLease;
  readonly spec: ModelSpec;
  /** Aborts when nobody is left who waits for the result. */
  readonly abandoned: AbortSignal;
  /** Aborts when the worker stops and can wait no longer. */
  readonly stopping: AbortSignal;
}

/** A connection breaks a moment before the end of its server is known, which says more. */
const deathNoticeMs = 500;

/** What an attempt came to; `isBrokenOff`: its server may still be working on it. */
export interface AttemptEnd {
  readonly outcome: Outcome;
  readonly isBrokenOff: boolean;
}

/** One try at one job on a resident server. Never throws: whatever happens is an outcome. */
export async function runAttempt(tools: AttemptTools, facts: AttemptFacts): Promise<AttemptEnd> {
  const { claim, spec, lease, abandoned, stopping } = facts;
  const watch = new SilenceWatch(tools.clock, silenceLimits(claim, spec), claim.record.executionTimeoutMs);
  const chunks = new ChunkSender(tools.channel, tools.clock, claim);
  const unlisten = followProgress(tools.channel, facts, watch);
  const end = joinSignals([claim.signal, abandoned, lease.gone, watch.signal, stopping]);
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

async function generate(
  { http, artifacts, channel }: AttemptTools,
  { claim, lease }: AttemptFacts,
  { watch, chunks, signal }: Generation,
) {
  const { record, attempt } = claim;
  signal.throwIfAborted();
  const response = await http.request(lease.target, {
    method: 'POST',
    path: record.endpoint,
    headers: { 'content-type': 'application/json', 'x-job-id': record.id, 'x-attempt': String(attempt) },
    body: claim.body,
    signal,
  });
  const onSaving = () => channel.progress(record, null, 'saving');
  return readAnswer(response, { claim, artifacts, chunks, onSign: () => watch.sign(), onSaving });
}

function isExplained(
  error: unknown,
  { claim, lease, abandoned, stopping }: AttemptFacts,
  { signal }: SilenceWatch,
): boolean {
  const isTold = error instanceof RoundhouseError || error instanceof GenerationFailed;
  return isTold || AbortSignal.any([claim.signal, abandoned, lease.gone, stopping, signal]).aborted;
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
  { claim, lease, spec, abandoned, stopping }: AttemptFacts,
  watch: SilenceWatch,
  error: unknown,
): Promise<AttemptEnd> {
  const { outcome, killBecause } = judge({
    model: spec.id,
    error,
    claimEnd: reasonOf(claim.signal) ?? reasonOf(abandoned),
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
