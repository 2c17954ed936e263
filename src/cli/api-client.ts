import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import type { Settings } from '../config/settings.ts';
import { HttpClient } from '../platform/http-client.ts';
import { CliError, exitCodes } from './cli-error.ts';
import { refusal } from './refusal.ts';

const answerWithinMs = 10_000;

/** The HTTP API as the terminal commands use it. Every failure is a CliError that says what to do. */
export class ApiClient implements AsyncDisposable {
  readonly url: string;
  private readonly key: string | null;
  private readonly http = new HttpClient();

  constructor(url: string, key: string | null) {
    this.url = url;
    this.key = key;
  }

  get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.infer<Schema>> {
    return this.call('GET', path, schema, [200]);
  }

  /** Also takes the answer of one that is not ready (503). */
  probe<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.infer<Schema>> {
    return this.call('GET', path, schema, [200, 503]);
  }

  post<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.infer<Schema>> {
    return this.call('POST', path, schema, [200, 202]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.http.close();
  }

  private async call<Schema extends z.ZodType>(
    method: string,
    path: string,
    schema: Schema,
    good: readonly number[],
  ): Promise<z.infer<Schema>> {
    const { status, text } = await this.exchange(method, path);
    const body = parseJson(text);
    if (!good.includes(status)) throw refusal(status, body, this.url);
    const result = schema.safeParse(body);
    if (result.success) return result.data;
    throw new CliError(
      `${this.url}${path} answered ${status} with something that is not Roundhouse's.`,
      'Compare ROUNDHOUSE_URL and ROUNDHOUSE_PORT with those of the server.',
    );
  }

  private async exchange(method: string, path: string): Promise<{ status: number; text: string }> {
    const authorization: Record<string, string> =
      this.key === null ? {} : { authorization: `Bearer ${this.key}` };
    const headers = { accept: 'application/json', ...authorization };
    const signal = AbortSignal.timeout(answerWithinMs);
    try {
      const { status, body } = await this.http.request(
        { origin: this.url },
        { method, path, headers, signal },
      );
      return { status, text: await body.text() };
    } catch (error) {
      throw unreachable(this.url, error, signal.aborted);
    }
  }
}

/** The client for the server that the settings mean, with the key that this user may read. */
export async function connect(settings: Settings): Promise<ApiClient> {
  const key = settings.apiKey ?? (await keyOfDataFolder(settings.dataDir));
  return new ApiClient(settings.url ?? localUrl(settings), key);
}

const keyOfDataFolder = (dataDir: string) =>
  readFile(join(dataDir, 'api-key'), 'utf8').then(
    (text) => text.trim(),
    () => null,
  );

function localUrl({ host, port }: Settings): string {
  const local: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' };
  const name = local[host] ?? (host.includes(':') ? `[${host}]` : host);
  return `http://${name}:${port}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function unreachable(url: string, error: unknown, isTimeout: boolean): CliError {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  const reason = isTimeout
    ? `no answer within ${answerWithinMs / 1000} s`
    : (code ?? cause?.code ?? String(error));
  const sentences: Record<string, string> = {
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'unknown host',
  };
  return new CliError(
    `No Roundhouse answers at ${url} (${sentences[reason] ?? reason}).`,
    'Start it with ./scripts/start-all.sh, or set ROUNDHOUSE_URL (or ROUNDHOUSE_PORT) to where it runs.',
    exitCodes.unavailable,
  );
}
