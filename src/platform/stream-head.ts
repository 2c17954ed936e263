/** A stream whose first bytes were looked at. */
export interface Headed {
  /** At least as many as were asked for, where there are so many. */
  readonly head: Buffer;
  /** All of it, head included. Read it to its end or leave its loop. */
  readonly all: AsyncGenerator<Uint8Array>;
}

/** Reads the first bytes of a stream, so that what it is can be known before it is used. */
export async function withHead(bytes: AsyncIterable<Uint8Array>, leastBytes: number): Promise<Headed> {
  const rest = bytes[Symbol.asyncIterator]();
  const pieces: Uint8Array[] = [];
  let length = 0;
  let isOver = false;
  while (length < leastBytes && !isOver) {
    const { done, value } = await rest.next();
    if (done) isOver = true;
    else {
      pieces.push(value);
      length += value.length;
    }
  }
  const head = Buffer.concat(pieces);
  return { head, all: joined(head, isOver ? null : rest) };
}

async function* joined(head: Buffer, rest: AsyncIterator<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  let isOver = rest === null;
  try {
    if (head.length > 0) yield head;
    while (!isOver && rest !== null) {
      const { done, value } = await rest.next();
      if (done) isOver = true;
      else yield value;
    }
  } finally {
    if (!isOver) await rest?.return?.();
  }
}

/** Bytes that are there already, as a stream. */
export async function* pieceOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
