import { isAbsolute, resolve } from 'node:path';

/** Thrown by a parser; the message goes on after "NAME=value ". */
export class InvalidValue extends Error {}

export interface ParseContext {
  readonly projectDir: string;
}

export type Parser<Value> = (text: string, context: ParseContext) => Value;

/** A number without sign or fraction, both limits included. */
export function wholeNumber({ min, max }: { min: number; max: number }): Parser<number> {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidValue(`is not a whole number from ${min} to ${max}.`);
  };
}

/** Seconds in the environment, milliseconds inside. */
export function secondsAsMs({ min, max }: { min: number; max: number }): Parser<number> {
  return (text) => {
    const seconds = text.trim() === '' ? Number.NaN : Number(text);
    if (seconds >= min && seconds <= max) return Math.round(seconds * 1000);
    throw new InvalidValue(`is not a number of seconds from ${min} to ${max}.`);
  };
}

/** Another unit outside than inside. */
export const times =
  (factor: number, parse: Parser<number>): Parser<number> =>
  (text, context) =>
    parse(text, context) * factor;

/** One of a few words. */
export function choice<const Value extends string>(...values: readonly Value[]): Parser<Value> {
  return (text) => {
    const found = values.find((value) => value === text);
    if (found !== undefined) return found;
    throw new InvalidValue(`is none of ${values.join(', ')}.`);
  };
}

/** Absolute; a relative one counts from the project folder. */
export const path: Parser<string> = (text, { projectDir }) => resolve(projectDir, text);

/** A folder short enough that a socket in it stays within the 107 bytes the system allows. */
export const shortPath: Parser<string> = (text, context) => {
  const folder = path(text, context);
  if (Buffer.byteLength(folder) <= 64) return folder;
  throw new InvalidValue('is longer than 64 bytes; socket paths in it would not fit. Name a shorter folder.');
};

export const hostName: Parser<string> = (text) => {
  if (/^[A-Za-z0-9._:-]+$/.test(text) && !text.includes('//')) return text;
  throw new InvalidValue('is not an address or a host name; write for example 127.0.0.1 or 0.0.0.0.');
};

export const httpUrl: Parser<string> = (text) => {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol)) return text.replace(/\/+$/, '');
  throw new InvalidValue('is not an http(s) URL; write for example https://models.example.org.');
};

export const redisUrl: Parser<string> = (text) => {
  if (isAbsolute(text) || /^(rediss?|unix):\/\/./.test(text)) return text;
  throw new InvalidValue(
    'is not a Redis address; write for example redis://:password@10.0.0.2:6379 or unix:///run/redis.sock.',
  );
};

export const label: Parser<string> = (text) => {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)) return text;
  throw new InvalidValue('is not a name of letters, digits, ".", "_" and "-", at most 63 long.');
};

/** Keys as given, or `sha256:<64 hex>` so that the plain key is not kept here. */
export const apiKeys: Parser<readonly string[]> = (text) => {
  const keys = text.split(',').map((key) => key.trim());
  for (const [index, key] of keys.entries()) {
    if (key.startsWith('sha256:') && !/^sha256:[0-9a-f]{64}$/i.test(key))
      throw new InvalidValue(`has a key ${index + 1} that is not "sha256:" and 64 hex digits.`);
    if (key.length < 16)
      throw new InvalidValue(`has a key ${index + 1} shorter than 16 characters; a short key is guessed.`);
    if (/\s/.test(key)) throw new InvalidValue(`has a key ${index + 1} with a space in it.`);
  }
  return keys;
};

export const anyText: Parser<string> = (text) => text;
