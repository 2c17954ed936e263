/**
 * What `next` has that `before` had not yet, when both are the end of one growing log: the longest end of `before` that
 * `next` begins with is what they share.
 */
export function newLines(before: readonly string[], next: readonly string[]): readonly string[] {
  for (let shared = Math.min(before.length, next.length); shared > 0; shared--) {
    const offset = before.length - shared;
    if (next.slice(0, shared).every((line, index) => line === before[offset + index]))
      return next.slice(shared);
  }
  return next;
}
