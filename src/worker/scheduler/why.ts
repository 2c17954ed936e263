import { jobClasses } from '../../contracts/job.ts';
import type { Overdue } from './guard.ts';
import type { Proposal } from './proposal.ts';
import { copiesOf, type Scene } from './scene.ts';
import type { Speculation } from './speculate.ts';

/** The numbers behind a swap, in a sentence for people. */
export function whyOf(scene: Scene, { overdue, rent, victims, model, startMs }: Proposal): string {
  if (overdue !== null) return whyOverdue(overdue, startMs);
  const bargain = `${units(rent.paid)} units paid against ${units(rent.inflicted)} inflicted`;
  if (copiesOf(scene, model.id)) return `a further copy saves waiting: ${bargain}`;
  return victims.length === 0
    ? `waiting of ${units(rent.paid)} units, and nothing leaves`
    : `waiting of ${bargain}`;
}

/** The same for a load on suspicion. */
export function whySpeculative({ gain, loss }: Speculation): string {
  if (loss === 0) return 'nothing waits, and nothing of worth is evicted';
  return `nothing waits, and it is worth ${(gain / loss).toFixed(1)} times what it evicts`;
}

function whyOverdue({ jobClass, waitedMs, boundMs }: Overdue, startMs: number): string {
  const waited = `oldest ${jobClasses[jobClass]} job waited ${seconds(waitedMs)} of ${seconds(boundMs)}`;
  return waitedMs >= boundMs ? waited : `${waited}, and a start takes ${seconds(startMs)}`;
}

const units = (pain: number) => pain.toFixed(pain < 0.1 ? 4 : 1);
const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;
