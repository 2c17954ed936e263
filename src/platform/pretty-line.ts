interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
}

const colours: Readonly<Record<string, number>> = { warn: 33, error: 31, debug: 90, trace: 90 };

/** A JSON log line for eyes: time, level if it is not plain news, sentence. Faults show their other facts as well. */
export function prettyLine(json: string): string {
  const { level, time, msg = '', ...facts } = JSON.parse(json) as LogLine & Record<string, unknown>;
  const shown = level === 'error' ? ` ${JSON.stringify(facts)}` : '';
  const mark = level === 'info' ? '' : `${paint(level.toUpperCase(), colours[level] ?? 0)} `;
  return `${paint(localTime(time), 90)} ${mark}${msg}${shown}\n`;
}

const paint = (text: string, colour: number): string => `\x1b[${colour}m${text}\x1b[0m`;
const localTime = (iso: string): string => new Date(iso).toTimeString().slice(0, 8);
