import type { HttpClient, Target } from '../platform/http-client.ts';
import type { HealthAnswer } from './health-verdict.ts';

/** What a probe needs of the HTTP client. */
export type ProbeClient = Pick<HttpClient, 'request' | 'forget'>;

/** One `GET /health`; null when nobody answers, or not before `signal` aborts. */
export async function probeHealth(
  http: ProbeClient,
  target: Target,
  signal: AbortSignal,
): Promise<HealthAnswer | null> {
  try {
    const response = await http.request(target, { method: 'GET', path: '/health', signal });
    return { status: response.status, body: await response.body.text() };
  } catch {
    return null;
  }
}
