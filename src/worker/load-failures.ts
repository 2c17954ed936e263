import type { ModelId } from '../contracts/ids.ts';
import { afterFailedLoad, type LoadVerdict } from './scheduler/load-policy.ts';

/** Failed loads in a row, per model, and until when each is left alone. */
export class LoadFailures {
  private readonly failed = new Map<ModelId, { count: number; verdict: LoadVerdict }>();

  /** 0: it may be loaded at any time. */
  blockedUntil(model: ModelId): number {
    return this.failed.get(model)?.verdict.blockedUntilMs ?? 0;
  }

  count(model: ModelId): number {
    return this.failed.get(model)?.count ?? 0;
  }

  record(model: ModelId, nowMs: number): LoadVerdict {
    const count = this.count(model) + 1;
    const verdict = afterFailedLoad(count, nowMs);
    this.failed.set(model, { count, verdict });
    return verdict;
  }

  /** It was loaded, or its operator wants it tried at once. */
  forget(model: ModelId): void {
    this.failed.delete(model);
  }
}
