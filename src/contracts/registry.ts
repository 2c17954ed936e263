import type { AdmissionWindow } from './admission-window.ts';
import type { ModelId } from './ids.ts';
import type { ModelSpec } from './model.ts';
import type { SchedulerParams } from './scheduler-params.ts';

/** models.yaml, checked: what may run here and how it is scheduled. */
export interface Registry {
  readonly path: string;
  readonly models: ReadonlyMap<ModelId, ModelSpec>;
  /** Every name a client may send (ids and aliases) -> model. */
  readonly names: ReadonlyMap<string, ModelId>;
  /** Endpoint path -> the model that answers a request without `model`. */
  readonly defaults: ReadonlyMap<string, ModelId>;
  readonly scheduler: SchedulerParams;
  /** Fair between keys; null: every job enters its lane at once. */
  readonly window: AdmissionWindow | null;
  /** GPU memory to share, MB; 0: exactly one resident at a time. */
  readonly vramMb: number;
  readonly webhooks: WebhookPolicy;
}

export interface WebhookPolicy {
  /** Plain http is refused unless this is true. */
  readonly allowHttp: boolean;
  /** Networks that a webhook may reach although they are not public, such as a tailnet address. */
  readonly allowCidrs: readonly string[];
}
