import type { SchedulerParams } from '../../contracts/scheduler-params.ts';
import { demandIn } from './demand.ts';
import type { EvictionSet } from './eviction-sets.ts';
import { bestProposal, type Proposal } from './proposal.ts';
import { type Scene, sceneOf } from './scene.ts';
import { isInSoftDrain } from './soft-drain.ts';
import { type Speculation, speculationFor } from './speculate.ts';
import type { Decision, Picture } from './types.ts';
import { whyOf, whySpeculative } from './why.ts';

/**
 * RENT: which model comes next. Stay with the resident; let a challenger in when the waiting it has suffered reaches
 * a share of the waiting that the swap inflicts, never before the resident has had its quantum, overdue models first.
 * Pure: no clock, no randomness, no memory. Ask after every event and every second while anything waits; carry out
 * the answer, and ask again until it is `nothing`.
 */
export function decide(now: number, picture: Picture, params: SchedulerParams): Decision {
  const scene = sceneOf(now, picture, params);
  const demand = demandIn(scene);
  const { best, wakeAt } = bestProposal(scene, demand);
  if (best !== null) return swapFor(scene, best);
  if (wakeAt < Infinity) return { kind: 'wait', until: Math.ceil(wakeAt) };
  const guess = demand.length === 0 ? speculationFor(scene) : null;
  return guess === null ? { kind: 'nothing' } : preloadFor(guess);
}

function swapFor(scene: Scene, proposal: Proposal): Decision {
  return {
    kind: 'swap',
    gpu: proposal.gpu,
    load: proposal.model.id,
    evict: idsOf(proposal.victims),
    reason: proposal.overdue === null ? 'rent-paid' : 'overdue',
    soften: isInSoftDrain(scene, proposal.victims),
    why: whyOf(scene, proposal),
  };
}

function preloadFor(guess: Speculation): Decision {
  return {
    kind: 'swap',
    gpu: guess.gpu,
    load: guess.model.id,
    evict: idsOf(guess.victims),
    reason: 'speculative',
    soften: false,
    why: whySpeculative(guess),
  };
}

const idsOf = (victims: EvictionSet) => victims.map(({ id }) => id);
