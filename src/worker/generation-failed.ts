import type { ErrorBody } from '../contracts/errors.ts';

/** The model server answered, and not with a result. */
export class GenerationFailed extends Error {
  readonly body: ErrorBody;
  /** `caller`: the request is at fault. `model`: it failed as it would again. `server`: worth another attempt. */
  readonly fault: 'caller' | 'model' | 'server';
  /** Its process is no longer sound and must be started anew. */
  readonly isServerBroken: boolean;

  constructor(body: ErrorBody, fault: 'caller' | 'model' | 'server', isServerBroken = false) {
    super(body.message);
    this.name = 'GenerationFailed';
    this.body = body;
    this.fault = fault;
    this.isServerBroken = isServerBroken;
  }
}
