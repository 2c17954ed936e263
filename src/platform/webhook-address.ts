import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector, Client, type Dispatcher } from 'undici';
import { errors } from '../contracts/error-catalogue.ts';
import type { WebhookPolicy } from '../contracts/registry.ts';
import { isAllowedAddress } from './public-address.ts';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}
/** All addresses of a host name. @throws an error with a `code` such as ENOTFOUND */
export type Resolver = (hostname: string) => Promise<readonly ResolvedAddress[]>;

export interface GuardedPost {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** For all of it, name resolution to last byte. */
  readonly timeoutMs: number;
  /** A longer response is cut here. */
  readonly maxResponseBytes: number;
}

export interface GuardedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The beginning of the response, as text. */
  readonly excerpt: string;
}

/** HTTP to addresses that strangers name: it reaches public ones and those that the policy allows, and no others. */
export interface GuardedClient {
  /**
   * Sends one request on a connection of its own; redirects are not followed, proxies not used.
   * @throws webhook_address_blocked, invalid_webhook_url, or what kept the server from answering
   */
  post(url: string, options: GuardedPost): Promise<GuardedResponse>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

const longestUrl = 2048;
const connectTimeoutMs = 5_000;
const excerptBytes = 512;

/**
 * Refuses what can be seen in the URL alone. A name may still lead anywhere: that is checked when it is connected to.
 * @throws invalid_webhook_url, webhook_address_blocked
 */
export function checkWebhookUrl(url: string, policy: WebhookPolicy): void {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const problem = problemOf(url, parsed, policy);
  if (parsed === null || problem !== null) throw errors.invalidWebhookUrl(problem ?? 'not a URL.');
  const address = visibleAddress(parsed.hostname);
  if (address !== null && !isAllowedAddress(address, policy))
    throw errors.webhookAddressBlocked(parsed.hostname);
}

function problemOf(text: string, url: URL | null, { allowHttp }: WebhookPolicy): string | null {
  if (!text.isWellFormed()) return 'it holds half of a character.';
  if (url === null) return 'not a URL. Write it in full, such as https://example.com/hook.';
  if (text.length > longestUrl) return `longer than ${longestUrl} characters.`;
  if (url.protocol === 'http:' && !allowHttp)
    return 'plain http is not allowed here. Use https, or set webhooks.allow_http in the models file.';
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `${url.protocol} is not https.`;
  if (url.username !== '' || url.password !== '') return 'user and password in a URL are not allowed.';
  if (!isAllowedPort(url.port)) return `port ${url.port} is not allowed. Use 443, 80 or one from 1024 on.`;
  return null;
}

const isAllowedPort = (port: string): boolean =>
  port === '' || port === '80' || port === '443' || Number(port) >= 1024;

/** The address that a host stands for without asking anybody; null: a name. */
function visibleAddress(hostname: string): string | null {
  const name = hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '');
  if (isIP(name) !== 0) return name;
  return name === 'localhost' || name.endsWith('.localhost') ? '127.0.0.1' : null;
}

/** @param resolve for tests; the default asks as every program of this machine does */
export function createGuardedClient(
  policy: WebhookPolicy,
  resolve: Resolver = resolveBySystem,
): GuardedClient {
  const connect = guardedConnector(policy, resolve);
  const closing = new AbortController();
  return {
    async post(url, options) {
      checkWebhookUrl(url, policy);
      const { origin, pathname, search } = new URL(url);
      const client = new Client(origin, { connect, pipelining: 0, allowH2: false });
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(options.timeoutMs)]);
      try {
        const { headers, body } = options;
        const request = {
          method: 'POST',
          path: pathname + search,
          headers: { ...headers },
          body,
          signal,
        } as const;
        return await readResponse(await client.request(request), options.maxResponseBytes);
      } finally {
        await client.destroy();
      }
    },
    async close() {
      closing.abort(new Error('the webhook client is closed'));
    },
  };
}

/** The only check that counts: of the very address that is connected to, whether it was written or resolved. */
function guardedConnector(policy: WebhookPolicy, resolve: Resolver): buildConnector.connector {
  const connectTo = buildConnector({
    timeout: connectTimeoutMs,
    allowH2: false,
    lookup: guardedLookup(policy, resolve),
  } as buildConnector.BuildOptions);
  return (options, callback) => {
    const isBlocked = isIP(options.hostname) !== 0 && !isAllowedAddress(options.hostname, policy);
    if (isBlocked) callback(errors.webhookAddressBlocked(options.hostname), null);
    else connectTo(options, callback);
  };
}

/** Node connects to what this returns, and to nothing else. One bad address among good ones spoils them all. */
function guardedLookup(policy: WebhookPolicy, resolve: Resolver): LookupFunction {
  return (hostname, options, callback) => {
    const answer = async (): Promise<void> => {
      const found = await resolve(hostname);
      const [first] = found;
      const isBlocked =
        first === undefined || found.some(({ address }) => !isAllowedAddress(address, policy));
      if (isBlocked) throw errors.webhookAddressBlocked(hostname);
      if (options.all) callback(null, [...found]);
      else callback(null, first.address, first.family);
    };
    answer().catch((error: NodeJS.ErrnoException) => callback(error, '', 0));
  };
}

const resolveBySystem: Resolver = (hostname) => systemLookup(hostname, { all: true, verbatim: true });

/** The status decides; what is wrong with the rest of the response changes nothing. */
async function readResponse(response: Dispatcher.ResponseData, maxBytes: number): Promise<GuardedResponse> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= maxBytes) break;
    }
  } catch {
    // Cut off or too slow: the status has been read.
  }
  const excerpt = Buffer.concat(chunks).subarray(0, Math.min(excerptBytes, maxBytes)).toString('utf8');
  const pairs = Object.entries(response.headers).map(([name, value]) => [
    name,
    [value ?? ''].flat().join(', '),
  ]);
  return { status: response.statusCode, headers: Object.fromEntries(pairs), excerpt };
}
