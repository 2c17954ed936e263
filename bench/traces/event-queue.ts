interface Due<Event> {
  readonly atMs: number;
  readonly order: number;
  readonly event: Event;
}

/** Events by time; those of one moment in the order they were added. A binary heap. */
export class EventQueue<Event> {
  readonly #heap: Due<Event>[] = [];
  #added = 0;

  add(atMs: number, event: Event): void {
    const due = { atMs, order: this.#added++, event };
    let at = this.#heap.push(due) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) break;
      this.#exchange(at, parent);
      at = parent;
    }
  }

  /** Infinity: nothing will happen. */
  get nextAtMs(): number {
    return this.#heap[0]?.atMs ?? Infinity;
  }

  take(): Event | undefined {
    const [first] = this.#heap;
    const last = this.#heap.pop();
    if (first === undefined || last === undefined || this.#heap.length === 0) return first?.event;
    this.#heap[0] = last;
    this.#sink();
    return first.event;
  }

  #sink(): void {
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < this.#heap.length && this.#isBefore(child, least)) least = child;
      if (least === at) return;
      this.#exchange(at, least);
      at = least;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (a === undefined || b === undefined) return false;
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  }

  #exchange(one: number, other: number): void {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (a === undefined || b === undefined) return;
    this.#heap[one] = b;
    this.#heap[other] = a;
  }
}
