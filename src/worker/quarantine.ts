import type { ModelId } from '../contracts/ids.ts';
import type { LoadFailures } from './load-failures.ts';
import type { LaneCounts } from './ports.ts';

export interface QuarantineFacts {
  readonly lanes: readonly LaneCounts[];
  readonly failures: Pick<LoadFailures, 'isQuarantined'>;
  /** Nothing runs on the turntable. */
  readonly isIdle: boolean;
}

/** Whether a model may be tried again: one in quarantine only when nobody waits for a model that works. */
export function quarantineOver(model: ModelId, { lanes, failures, isIdle }: QuarantineFacts): boolean {
  if (!failures.isQuarantined(model)) return true;
  const others = lanes.filter((lane) => !lane.paused && !failures.isQuarantined(lane.model));
  return isIdle && others.every(({ waiting }) => waiting.every((n) => n === 0));
}
