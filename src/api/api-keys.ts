import { hash, timingSafeEqual } from 'node:crypto';
import type { KeyId } from '../contracts/ids.ts';

/** What is kept of a key: it cannot be read back. */
export interface ApiKey {
  readonly id: KeyId;
  /** SHA-256 of the key. */
  readonly digest: Buffer;
}

/** By way of hex: asked for a buffer, `hash` takes longer. */
const digestOf = (secret: string): Buffer => Buffer.from(hash('sha256', secret, 'hex'), 'hex');

const fromDigest = (digest: Buffer): ApiKey => ({ id: digest.toString('hex').slice(0, 12) as KeyId, digest });

/** A key as settings and files hold it: plain, or `sha256:<64 hex digits>`. */
export function parseApiKey(text: string): ApiKey {
  const hex = /^sha256:([0-9a-f]{64})$/i.exec(text)?.[1];
  return fromDigest(hex === undefined ? digestOf(text) : Buffer.from(hex, 'hex'));
}

/** Compares with every key in the same time, whichever matches. */
export function findKey(keys: readonly ApiKey[], secret: string): KeyId | null {
  const digest = digestOf(secret);
  let found: KeyId | null = null;
  for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key.id;
  return found;
}
