import { styleText } from 'node:util';
import type { Env } from '../config/environment.ts';

/** What a piece of text means; the colours are the terminal's affair. */
export type Meaning = 'good' | 'bad' | 'busy' | 'dim' | 'strong';
export type Paint = (meaning: Meaning, text: string) => string;

/** Where commands write, and how wide and how colourful it may be. */
export interface Terminal {
  readonly isTty: boolean;
  readonly columns: number;
  readonly paint: Paint;
  out(text: string): void;
  err(text: string): void;
}

const colours = { good: 'green', bad: 'red', busy: 'yellow', dim: 'dim', strong: 'bold' } as const;

export const plain: Paint = (_meaning, text) => text;
export const colourful: Paint = (meaning, text) =>
  styleText(colours[meaning], text, { validateStream: false });

/** The terminal of this process. Colours only on a TTY and without NO_COLOR. */
export function processTerminal(env: Env): Terminal {
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) stream.on('error', ignoreClosedPipe);
  const isTty = stdout.isTTY === true;
  return {
    isTty,
    get columns() {
      return stdout.columns || Number(env.COLUMNS) || 100;
    },
    paint: isTty && !env.NO_COLOR && env.TERM !== 'dumb' ? colourful : plain,
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
  };
}

/** `roundhouse logs … | head` ends the reader first; that is no error. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
