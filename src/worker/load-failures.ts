import type { ErrorBody } from '../contracts/errors.ts';
import type { ModelId } from '../contracts/ids.ts';
import { afterFailedLoad, type LoadVerdict } from './scheduler/load-policy.ts';

interface Failed {
  readonly count: number;
  readonly verdict: LoadVerdict;
  readonly error: ErrorBody;
}

/** Failed loads in a row, per model, and until when each is left alone. */
export class LoadFailures {
  private readonly failed = new Map<ModelId, Failed>();

  /** 0: it may be loaded at any time. */
  blockedUntil(model: ModelId): number {
    return this.failed.get(model)?.verdict.blockedUntilMs ?? 0;
  }

  count(model: ModelId): number {
    return this.failed.get(model)?.count ?? 0;
  }

  isQuarantined(model: ModelId): boolean {
    return this.failed.get(model)?.verdict.quarantined ?? false;
  }

  /** What those hear who wait for the model on an open connection; null: it may still come up in time. */
  refusal(model: ModelId, nowMs: number): ErrorBody | null {
    const failed = this.failed.get(model);
    if (failed === undefined || !failed.verdict.failSync) return null;
    return failed.verdict.blockedUntilMs > nowMs ? failed.error : null;
  }

  record(model: ModelId, error: ErrorBody, nowMs: number): LoadVerdict {
    const count = this.count(model) + 1;
    const verdict = afterFailedLoad(count, nowMs);
    this.failed.set(model, { count, verdict, error });
    return verdict;
  }

  /** It was loaded, or its operator wants it tried at once. */
  forget(model: ModelId): void {
    this.failed.delete(model);
  }
}
