import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eachChunk } from '../../../src/platform/each-chunk.ts';
import { type BodySource, UpstreamBody } from '../../../src/platform/upstream-body.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** A connection that sends what it has to, as long as it is not held up. */
class Sender implements BodySource {
  readonly body = new UpstreamBody(this);
  readonly told: string[] = [];
  private readonly waiting: string[];
  isPaused = false;

  constructor(...pieces: string[]) {
    this.waiting = pieces;
  }

  /** Sends the rest, then the end. */
  send(): this {
    for (let next = this.next(); next !== undefined; next = this.next()) this.body.push(bytes(next));
    if (!this.isPaused && this.told.length === 0) this.body.finish();
    return this;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.send();
  }

  abort(reason: Error): void {
    this.told.push(reason.message);
  }

  private next(): string | undefined {
    return this.isPaused || this.told.length > 0 ? undefined : this.waiting.shift();
  }
}

async function* generated(...pieces: string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield bytes(piece);
}

const arriving = (...pieces: string[]): UpstreamBody => {
  const sender = new Sender(...pieces);
  setImmediate(() => sender.send());
  return sender.body;
};

const bodies = {
  'a body that has come': (...pieces: string[]) => new Sender(...pieces).send().body,
  'a body that comes': arriving,
  'any iterable': generated,
};

for (const [name, bodyOf] of Object.entries(bodies)) {
  test(`every chunk is handed over, in order, and its end is told (${name})`, async () => {
    const all: string[] = [];
    await eachChunk(bodyOf('a', 'b', 'c'), (chunk) => void all.push(String(Buffer.from(chunk))));
    assert.deepEqual(all, ['a', 'b', 'c']);
  });

  test(`no chunk comes before the last one is dealt with (${name})`, async () => {
    const all: string[] = [];
    let isBusy = false;
    await eachChunk(bodyOf('a', 'b', 'c'), async (chunk) => {
      assert.equal(isBusy, false);
      isBusy = true;
      await new Promise(setImmediate);
      isBusy = false;
      all.push(String(Buffer.from(chunk)));
      return undefined;
    });
    assert.deepEqual(all, ['a', 'b', 'c']);
  });

  test(`nothing comes after a stop, told at once or later (${name})`, async () => {
    for (const stop of [() => 'stop' as const, async () => 'stop' as const]) {
      const all: string[] = [];
      await eachChunk(bodyOf('a', 'b', 'c'), (chunk) => {
        all.push(String(Buffer.from(chunk)));
        return all.length === 2 ? stop() : undefined;
      });
      assert.deepEqual(all, ['a', 'b']);
    }
  });

  test(`what is thrown ends it (${name})`, async () => {
    const refuse = () => {
      throw new Error('no');
    };
    await assert.rejects(eachChunk(bodyOf('a'), refuse), /^Error: no$/);
    await assert.rejects(
      eachChunk(bodyOf('a'), async () => refuse()),
      /^Error: no$/,
    );
  });
}

test('a body that breaks is told to whoever reads it, in whichever way, before or after it breaks', async () => {
  const readers: ((body: UpstreamBody) => Promise<unknown>)[] = [
    (body) => body.each(() => undefined),
    (body) => body.text(),
    async (body) => {
      for await (const _ of body);
    },
  ];
  for (const read of readers) {
    const { body } = new Sender();
    body.push(bytes('a'));
    const reading = assert.rejects(read(body), /^Error: reset$/);
    body.fail(new Error('reset'));
    await reading;
    await assert.rejects(read(body), /^Error: reset$/);
  }
});

for (const [name, isWhole] of Object.entries({ 'still comes': false, 'has come whole': true })) {
  test(`a body that ${name} breaks at once, also while a chunk of it is dealt with`, async () => {
    const { body } = new Sender();
    for (const piece of ['a', 'b']) body.push(bytes(piece));
    if (isWhole) body.finish();
    const all: string[] = [];
    let goOn = (): void => {};
    const reading = body.each((chunk) => {
      all.push(String(Buffer.from(chunk)));
      return new Promise((resolve) => {
        goOn = () => resolve(undefined);
      });
    });
    body.fail(new Error('cancelled'));
    await assert.rejects(reading, /^Error: cancelled$/);
    goOn();
    await new Promise(setImmediate);
    assert.deepEqual(all, ['a']);
  });
}

test('a body says when it is read, once, and only then', async () => {
  const told: string[] = [];
  const tell = (what: string) => () => void told.push(what);
  const body = new UpstreamBody(new Sender(), tell('read'));
  body.push(bytes('a'));
  const stopped = body.each(() => 'stop');
  await stopped;
  assert.equal(told.length, 0);
  body.push(bytes('b'));
  body.finish();
  assert.deepEqual(told, ['read']);
  const other = new UpstreamBody(new Sender(), tell('read, too'));
  other.push(bytes('a'));
  other.finish();
  assert.deepEqual(told, ['read']);
  assert.equal(await other.text(), 'a');
  assert.deepEqual(told, ['read', 'read, too']);
});

test('what nobody reads holds the connection up, and goes on, in order, when it is read', async () => {
  const pieces = Array.from({ length: 20 }, (_, at) => String.fromCharCode(97 + at).repeat(10_000));
  const sender = new Sender(...pieces).send();
  assert.equal(sender.isPaused, true);
  const all: string[] = [];
  await sender.body.each((chunk) => void all.push(String(Buffer.from(chunk))));
  assert.deepEqual(all, pieces);
});

test('a text is put together of all chunks, also where one ends inside a character', async () => {
  const whole = bytes('größer\u{1f600}');
  const body = new UpstreamBody(new Sender());
  const text = body.text();
  for (const byte of whole) body.push(Uint8Array.of(byte));
  body.finish();
  assert.equal(await text, 'größer\u{1f600}');
});

test('a loop that is left closes the connection, and one that came to the end does not', async () => {
  const left = new Sender('a', 'b');
  left.body.push(bytes('a'));
  for await (const _ of left.body) break;
  assert.equal(left.told.length, 1);
  const read = new Sender('a', 'b').send();
  let count = 0;
  for await (const _ of read.body) count += 1;
  assert.deepEqual([count, read.told], [2, []]);
});

test('after its end a body leaves the connection alone, which serves others then', async () => {
  const sender = new Sender('a').send();
  sender.pause();
  await sender.body.each(() => 'stop');
  for await (const _ of sender.body) assert.fail('it was dropped');
  assert.deepEqual(sender.told, []);
});
