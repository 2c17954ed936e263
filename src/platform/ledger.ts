/**
 * What is under way, by its key, in the order in which it came: a Map for entries that come and go by the thousand. V8
 * links each table that a Map outgrows to the next one; once one of them is old, it keeps all later ones, and whatever was
 * in them, until the next full collection. Here that is no more than a key and an empty holder.
 */
export class Ledger<Key extends string | number, Value extends object> {
  private readonly holders = new Map<Key, { value: Value | null }>();

  get size(): number {
    return this.holders.size;
  }

  get(key: Key): Value | undefined {
    return this.holders.get(key)?.value ?? undefined;
  }

  set(key: Key, value: Value): void {
    const holder = this.holders.get(key);
    if (holder === undefined) this.holders.set(key, { value });
    else holder.value = value;
  }

  delete(key: Key): void {
    const holder = this.holders.get(key);
    if (holder === undefined) return;
    holder.value = null;
    this.holders.delete(key);
  }

  clear(): void {
    for (const key of this.holders.keys()) this.delete(key);
  }

  *values(): Generator<Value> {
    for (const { value } of this.holders.values()) if (value !== null) yield value;
  }

  *entries(): Generator<[Key, Value]> {
    for (const [key, { value }] of this.holders) if (value !== null) yield [key, value];
  }
}
