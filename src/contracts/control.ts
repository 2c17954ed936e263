import type { JobId, ModelId } from './ids.ts';

/** What the API asks of the workers; every worker reads all of them and acts on what is its own. */
export type ControlMessage =
  | { readonly type: 'cancel'; readonly jobId: JobId }
  | { readonly type: 'load'; readonly model: ModelId }
  | { readonly type: 'unload'; readonly model: ModelId }
  | { readonly type: 'pause'; readonly model: ModelId }
  | { readonly type: 'resume'; readonly model: ModelId };
