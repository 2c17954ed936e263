import { Pool } from 'undici';
import { Exchange, type HttpRequest, type UpstreamResponse } from './http-exchange.ts';

/** Where a server listens: a Unix socket, or an origin such as `http://127.0.0.1:8001`. */
export type Target = { readonly socketPath: string } | { readonly origin: string };

/** A model thinks for as long as it takes: deadlines are the caller's, never the client's. */
const poolOptions = {
  headersTimeout: 0,
  bodyTimeout: 0,
  connections: null,
  pipelining: 1,
  connectTimeout: 10_000,
  // Well below the 5 s after which uvicorn closes: a connection is not used while its server hangs up.
  keepAliveTimeout: 1_000,
  keepAliveMaxTimeout: 1_000,
  allowH2: false,
} as const;

/** HTTP over sockets and origins without hidden timeouts, redirects, retries or proxies. */
export class HttpClient {
  private readonly pools = new Map<string, Pool>();

  /**
   * Resolves with the head of the response.
   * @throws the reason of an aborted signal, or what kept the server from answering
   */
  request(target: Target, options: HttpRequest): Promise<UpstreamResponse> {
    return new Promise((resolve, reject) => {
      const exchange = new Exchange(options, resolve, reject);
      if (!exchange.isOver) exchange.begin(this.pool(target));
    });
  }

  /** Closes all connections to a server that is gone; a later request connects anew. */
  forget(target: Target): void {
    const key = keyOf(target);
    const pool = this.pools.get(key);
    this.pools.delete(key);
    void pool?.destroy().catch(() => {});
  }

  async close(): Promise<void> {
    const pools = [...this.pools.values()];
    this.pools.clear();
    await Promise.allSettled(pools.map((pool) => pool.destroy()));
  }

  private pool(target: Target): Pool {
    const key = keyOf(target);
    const known = this.pools.get(key);
    if (known) return known;
    const pool =
      'socketPath' in target
        ? new Pool('http://localhost', { ...poolOptions, socketPath: target.socketPath })
        : new Pool(target.origin, poolOptions);
    this.pools.set(key, pool);
    return pool;
  }
}

const keyOf = (target: Target): string => ('socketPath' in target ? target.socketPath : target.origin);
