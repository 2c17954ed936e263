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
const hidden = new Set([...secretNames, ...privateNames, 'x-api-key']);
/** How deep facts are looked through. */
const depth = 3;

/** One JSON object a line on standard output. Secrets and prompts are blanked; a full disk or closed pipe is no crash. */
export function createLogger({ level = 'info', pretty = false, write }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: isoTime(),
      formatters: { level: (label) => ({ level: label }), log: (facts) => blanked(facts, depth) },
    },
    destination(pretty, write ?? writeOut()),
  );
}

function destination(isPretty: boolean, write: (line: string) => void): DestinationStream {
  return { write: isPretty ? (line) => write(prettyLine(line)) : write };
}

/** The same facts without what must not be read; a copy only where there is such a thing. */
function blanked<Facts extends object>(facts: Facts, levels: number): Facts {
  let copy: Record<string, unknown> | null = null;
  for (const [name, value] of Object.entries(facts)) {
    const shown = shownOf(name, value, levels);
    if (shown === value) continue;
    copy ??= (Array.isArray(facts) ? [...facts] : { ...facts }) as Record<string, unknown>;
    copy[name] = shown;
  }
  return (copy ?? facts) as Facts;
}

function shownOf(name: string, value: unknown, levels: number): unknown {
  if (value === undefined) return value;
  if (hidden.has(name)) return '[redacted]';
  return levels > 1 && typeof value === 'object' && value !== null ? blanked(value, levels - 1) : value;
}

/** As pino's own; a line of the same millisecond has the same. */
function isoTime(): () => string {
  let lastMs = 0;
  let text = '';
  return () => {
    const nowMs = Date.now();
    if (nowMs !== lastMs) text = `,"time":"${new Date(nowMs).toISOString()}"`;
    lastMs = nowMs;
    return text;
  };
}

/** Lines may wait this long for others: a write to the disk costs as much as the rest of a short job's log. */
const heldMs = 10;

/** Lines leave together; the last words before an exit are seen. */
function writeOut(): (line: string) => void {
  const stdout = pino.destination({ fd: 1, sync: true });
  stdout.on('error', () => {});
  let held = '';
  const flush = () => {
    const lines = held;
    held = '';
    if (lines !== '') stdout.write(lines);
  };
  process.on('exit', flush);
  return (line) => {
    if (held === '') setTimeout(flush, heldMs).unref();
    held += line;
  };
}

/** Whether standard output is a terminal. */
export const isForEyes = (): boolean => process.stdout.isTTY === true;
