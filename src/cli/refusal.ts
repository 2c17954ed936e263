import { z } from 'zod';
import { CliError, exitCodes } from './cli-error.ts';

const envelope = z.object({ error: z.object({ message: z.string(), code: z.string().nullish() }) });

/** What a refusal of the API means to someone at a terminal. */
export function refusal(status: number, body: unknown, url: string): CliError {
  const parsed = envelope.safeParse(body);
  const message = parsed.success ? parsed.data.error.message : `${url} answered ${status}.`;
  if (status === 401)
    return new CliError(
      `${url} does not accept this key.`,
      'Set ROUNDHOUSE_API_KEY, or ROUNDHOUSE_DATA to the data folder of that server, as a user who may read its api-key.',
    );
  if (status === 429) return new CliError(message, '', exitCodes.busy);
  if (status >= 500)
    return new CliError(message, 'See its log, or "roundhouse status".', exitCodes.unavailable);
  return new CliError(message, '');
}
