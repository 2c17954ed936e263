import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';
import type { Meaning, Paint } from '../terminal.ts';

const jsonLine = z.object({
  time: z.string().optional(),
  level: z.string(),
  logger: z.string().optional(),
  message: z.string(),
});

const meanings: Readonly<Record<string, Meaning>> = {
  warning: 'busy',
  error: 'bad',
  critical: 'bad',
  info: 'dim',
  debug: 'dim',
};

/** A line of a model server for someone who reads it: JSON as `time level logger: message`, anything else as it is. */
export function renderLogLine(line: string, paint: Paint): string {
  const parsed = jsonLine.safeParse(parseObject(line));
  if (!parsed.success) return harmless(line);
  const { time, level, logger, message } = parsed.data;
  const clock = time ? `${paint('dim', harmless(time.slice(11, 19)))} ` : '';
  const name = logger ? paint('dim', `${harmless(logger)}: `) : '';
  return `${clock}${paint(meanings[level] ?? 'dim', harmless(level).padEnd(7))} ${name}${harmless(message)}`;
}

function parseObject(line: string): unknown {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** A model server prints what clients sent; it must not steer the terminal. */
const harmless = (text: string): string =>
  stripVTControlCharacters(text).replaceAll(/\p{Cc}/gu, (character) =>
    character === '\t' ? character : '·',
  );
