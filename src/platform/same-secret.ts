import { createHash, timingSafeEqual } from 'node:crypto';

/** Compares in a time that tells nothing of either. */
export function isSameSecret(offered: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(offered), digest(expected));
}
