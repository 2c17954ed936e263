import type { IncomingHttpHeaders } from 'node:http';

/** RFC 7240: what the client would rather have. */
export interface Preferences {
  readonly respondAsync: boolean;
  /** `wait=n`, ms; null: not said. */
  readonly waitMs: number | null;
}

/** Parses `Prefer` as a list; unknown preferences are ignored. */
export function preferencesOf(headers: IncomingHttpHeaders): Preferences {
  const raw = headers.prefer;
  if (raw === undefined) return { respondAsync: false, waitMs: null };
  const items = String(raw)
    .split(/[,;]/)
    .map((item) => item.trim().toLowerCase());
  const wait = items
    .map((item) => /^wait *= *"?(\d{1,6})"?$/.exec(item)?.[1])
    .find((digits) => digits !== undefined);
  return {
    respondAsync: items.includes('respond-async'),
    waitMs: wait === undefined ? null : Number(wait) * 1000,
  };
}

/** How long the client's own timeout lets it wait, as the OpenAI SDKs tell it, ms; null: not said. */
export function clientPatienceMs(headers: IncomingHttpHeaders): number | null {
  const told = ['x-stainless-read-timeout', 'x-stainless-timeout']
    .map((name) => Number.parseFloat(String(headers[name] ?? '')))
    .filter((seconds) => Number.isFinite(seconds) && seconds > 0);
  return told.length === 0 ? null : Math.min(...told) * 1000;
}

/** Whether an SDK says that it sends this request again. */
export function isRetry(headers: IncomingHttpHeaders): boolean {
  const count = headers['x-stainless-retry-count'];
  return count !== undefined && Number.parseInt(String(count), 10) >= 1;
}

const marginMs = 5000;

/** How long a sync call waits: our limit, the client's wish, and its timeout less a margin for the answer. */
export function waitBudgetMs(headers: IncomingHttpHeaders, longestMs: number): number {
  const patienceMs = clientPatienceMs(headers);
  const { waitMs } = preferencesOf(headers);
  return Math.min(
    longestMs,
    waitMs ?? Number.POSITIVE_INFINITY,
    patienceMs === null ? Number.POSITIVE_INFINITY : Math.max(patienceMs - marginMs, patienceMs / 2),
  );
}
