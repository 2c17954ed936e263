import { type DestinationStream, pino } from 'pino';
import { prettyLine } from './pretty-line.ts';

/** Facts first, one sentence second. */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface LoggerOptions {
  /** trace, debug, info (default), warn, error or silent. */
  readonly level?: string;
  /** For eyes instead of programs. */
  readonly pretty?: boolean;
  /** Takes each line, its line end included; the default is standard output. */
  readonly write?: (line: string) => void;
}

const secretNames = ['authorization', 'apiKey', 'api_key', 'key', 'secret', 'password', 'token', 'cookie'];
/** What people write stays out of the log, too. */
const privateNames = ['prompt', 'messages', 'input', 'body'];
const redacted = [...secretNames, ...privateNames, 'x-api-key'].flatMap((name) => [
  `["${name}"]`,
  `*["${name}"]`,
  `*.*["${name}"]`,
]);

/** One JSON object a line on standard output. Secrets and prompts are blanked; a full disk or closed pipe is no crash. */
export function createLogger({ level = 'info', pretty = false, write }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redacted, censor: '[redacted]' },
    },
    destination(pretty, write ?? writeOut()),
  );
}

function destination(isPretty: boolean, write: (line: string) => void): DestinationStream {
  return { write: isPretty ? (line) => write(prettyLine(line)) : write };
}

/** Synchronous, so that the last words before an exit are seen. */
function writeOut(): (line: string) => void {
  const stdout = pino.destination({ fd: 1, sync: true });
  stdout.on('error', () => {});
  return (line) => stdout.write(line);
}

/** Whether standard output is a terminal. */
export const isForEyes = (): boolean => process.stdout.isTTY === true;
