import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { test } from 'node:test';
import { asJobId, type JobId } from '../../../src/contracts/ids.ts';
import { ArtifactStore, type ArtifactStoreOptions } from '../../../src/platform/artifact-store.ts';
import { TempDir } from '../../helpers/temp-dir.ts';

const jobId = asJobId('job_01K000000000000000000000AA');
const otherId = asJobId('job_01K000000000000000000000BB');
const gib = 1_073_741_824;
const day = 86_400_000;

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function textOf(readable: Readable | null): Promise<string | null> {
  if (readable === null) return null;
  let text = '';
  for await (const chunk of readable) text += chunk;
  return text;
}

class House {
  readonly dir: TempDir;
  readonly root: string;
  constructor(dir: TempDir) {
    this.dir = dir;
    this.root = dir.path('data', 'artifacts');
  }
  static async create(): Promise<House> {
    return new House(await TempDir.create());
  }
  store(options: Partial<ArtifactStoreOptions> = {}): ArtifactStore {
    return new ArtifactStore({ root: this.root, minFreeBytes: 0, minFreeShare: 0, ...options });
  }
  async files(): Promise<string[]> {
    const entries = await readdir(this.root, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  }
  async folderOf(id: JobId): Promise<string> {
    const hex = createHash('sha256').update(id).digest('hex').slice(0, 2);
    return join(this.root, hex, id);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dir[Symbol.asyncDispose]();
  }
}

test('what is written is read again, with its size and sha256', async () => {
  await using house = await House.create();
  const store = house.store();
  const artifact = await store.write(jobId, 0, 'audio/wav; rate=1', pieces('he', 'llo'));
  assert.deepEqual(artifact, {
    index: 0,
    contentType: 'audio/wav; rate=1',
    bytes: 5,
    sha256: createHash('sha256').update('hello').digest('hex'),
  });
  assert.equal(await textOf(await store.open(jobId, 0)), 'hello');
  assert.equal(await textOf(await house.store().open(jobId, 0)), 'hello');
  assert.deepEqual(await house.files(), ['0.wav']);
});

test('a file without bytes is a file', async () => {
  await using house = await House.create();
  const store = house.store();
  assert.equal((await store.write(jobId, 0, 'text/plain', pieces())).bytes, 0);
  assert.equal(await textOf(await store.open(jobId, 0)), '');
});

test('a range is inclusive', async () => {
  await using house = await House.create();
  const store = house.store();
  await store.write(jobId, 0, 'text/plain', pieces('0123456789'));
  assert.equal(await textOf(await store.open(jobId, 0, { start: 2, end: 4 })), '234');
  assert.equal(await textOf(await store.open(jobId, 0, { start: 9, end: 9 })), '9');
});

test('only this user may read files and folders', async () => {
  await using house = await House.create();
  await house.store().write(jobId, 0, 'text/plain', pieces('x'));
  const folder = await house.folderOf(jobId);
  assert.equal((await stat(join(folder, '0.txt'))).mode & 0o777, 0o600);
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
});

test('the index decides, not the beginning of a name', async () => {
  await using house = await House.create();
  const store = house.store();
  await store.write(jobId, 10, 'text/plain', pieces('ten'));
  assert.equal(await store.open(jobId, 1), null);
  assert.equal(await textOf(await store.open(jobId, 10)), 'ten');
});

test('an unknown type gets a plain name', async () => {
  await using house = await House.create();
  await house.store().write(jobId, 3, '../../evil', pieces('x'));
  assert.deepEqual(await house.files(), ['3.bin']);
});

test('a second attempt replaces the file of the first, also when it is of another type', async () => {
  await using house = await House.create();
  const store = house.store();
  await store.write(jobId, 0, 'audio/wav', pieces('first'));
  await store.write(jobId, 0, 'audio/mpeg', pieces('second'));
  assert.equal(await textOf(await store.open(jobId, 0)), 'second');
  assert.deepEqual(await house.files(), ['0.mp3']);
});

test('a model that breaks off leaves nothing, and an earlier file stays', async () => {
  await using house = await House.create();
  const store = house.store();
  await store.write(jobId, 0, 'text/plain', pieces('whole'));
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half');
    throw new Error('the server went away');
  }
  await assert.rejects(store.write(jobId, 0, 'text/plain', broken()), /went away/);
  assert.equal(await textOf(await store.open(jobId, 0)), 'whole');
  assert.deepEqual(await house.files(), ['0.txt']);
});

test('nothing is seen of a file that is still being written', async () => {
  await using house = await House.create();
  const store = house.store();
  async function* looking(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half');
    assert.equal(await store.open(jobId, 0), null);
    yield Buffer.from('whole');
  }
  await store.write(jobId, 0, 'text/plain', looking());
  assert.equal(await textOf(await store.open(jobId, 0)), 'halfwhole');
});

for (const code of ['ENOSPC', 'EDQUOT'])
  test(`${code} in the middle of a file is storage_full and leaves nothing`, async () => {
    await using house = await House.create();
    async function* full(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half');
      throw Object.assign(new Error('write failed'), { code });
    }
    await assert.rejects(house.store().write(jobId, 0, 'text/plain', full()), {
      code: 'storage_full',
      status: 507,
    });
    assert.deepEqual(await house.files(), []);
  });

test('a disk that fills up during a long file ends it before it is full', async () => {
  await using house = await House.create();
  let asked = 0;
  const store = house.store({
    minFreeBytes: gib,
    statfs: async () => ({ bsize: 1, blocks: 100 * gib, bavail: asked++ === 0 ? 2 * gib : gib / 2 }),
  });
  const piece = Buffer.alloc(1_048_576);
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield piece;
  }
  await assert.rejects(store.write(jobId, 0, 'text/plain', endless()), { code: 'storage_full' });
  assert.deepEqual(await house.files(), []);
});

const disk = (totalGib: number, freeGib: number) => ({
  statfs: async () => ({ bsize: 4096, blocks: (totalGib * gib) / 4096, bavail: (freeGib * gib) / 4096 }),
});
const defaults = { minFreeBytes: 2 * gib, minFreeShare: 0.05 };

for (const [total, free, hasRoom] of [
  [20, 2.1, true],
  [20, 1.9, false],
  [100, 5.1, true],
  [100, 4.9, false],
  [100_000, 20.1, true],
  [100_000, 19.9, false],
] as const)
  test(`a disk of ${total} GiB with ${free} GiB free ${hasRoom ? 'takes' : 'takes no'} files`, async () => {
    await using house = await House.create();
    const store = house.store({ ...defaults, ...disk(total, free) });
    if (hasRoom) await store.checkRoom();
    else await assert.rejects(store.checkRoom(), { code: 'storage_full', status: 507, retryable: true });
  });

test('a disk without room is not written to', async () => {
  await using house = await House.create();
  const store = house.store({ ...defaults, ...disk(20, 1) });
  await assert.rejects(store.write(jobId, 0, 'text/plain', pieces('x')), { code: 'storage_full' });
  assert.deepEqual(await house.files(), []);
});

test('a name that is no job id leads nowhere', async () => {
  await using house = await House.create();
  const store = house.store();
  await store.write(jobId, 0, 'text/plain', pieces('x'));
  for (const id of ['../../x', '', 'job_', `${jobId}/..`, '/etc']) {
    await assert.rejects(store.write(asJobId(id), 0, 'text/plain', pieces('x')), /not a job id/);
    assert.equal(await store.open(asJobId(id), 0), null);
    await store.remove(asJobId(id));
  }
  await assert.rejects(store.write(jobId, -1, 'text/plain', pieces('x')), /not an index/);
  assert.deepEqual(await house.files(), ['0.txt']);
});

test('a link in place of a file is not followed', async () => {
  await using house = await House.create();
  const store = house.store();
  await store.write(jobId, 0, 'text/plain', pieces('x'));
  const secret = house.dir.path('secret');
  await writeFile(secret, 'secret');
  await symlink(secret, join(await house.folderOf(jobId), '1.txt'));
  assert.equal(await store.open(jobId, 1), null);
});

test('a link in place of the folder of a job is neither read nor written', async () => {
  await using house = await House.create();
  const store = house.store();
  await store.write(jobId, 0, 'text/plain', pieces('x'));
  const folder = await house.folderOf(jobId);
  const elsewhere = house.dir.path('elsewhere');
  await rename(folder, elsewhere);
  await symlink(elsewhere, folder);
  assert.equal(await store.open(jobId, 0), null);
  await assert.rejects(store.write(jobId, 1, 'text/plain', pieces('y')), /leads out/);
  await store.remove(jobId);
  assert.deepEqual(await readdir(elsewhere), ['0.txt']);
});

test('a folder in place of a file is no file', async () => {
  await using house = await House.create();
  const store = house.store();
  await mkdir(join(await house.folderOf(jobId), '0.txt'), { recursive: true });
  assert.equal(await store.open(jobId, 0), null);
});

test('a data folder that is itself a link works', async () => {
  await using house = await House.create();
  const real = house.dir.path('volume');
  await mkdir(real);
  await symlink(real, house.dir.path('data'));
  const store = house.store();
  await store.write(jobId, 0, 'text/plain', pieces('x'));
  assert.equal(await textOf(await store.open(jobId, 0)), 'x');
});

test('a removed job has no files, and removing it again is fine', async () => {
  await using house = await House.create();
  const store = house.store();
  await store.write(jobId, 0, 'text/plain', pieces('x'));
  await store.write(otherId, 0, 'text/plain', pieces('y'));
  await store.remove(jobId);
  await store.remove(jobId);
  assert.equal(await store.open(jobId, 0), null);
  assert.equal(await textOf(await store.open(otherId, 0)), 'y');
});

test('a file that is removed while it is read is read to its end', async () => {
  await using house = await House.create();
  const store = house.store();
  await store.write(jobId, 0, 'text/plain', pieces('x'.repeat(1_000_000)));
  const file = await store.open(jobId, 0);
  await store.remove(jobId);
  assert.equal((await textOf(file))?.length, 1_000_000);
});

test('a sweep removes files of jobs that are long gone and keeps the others', async () => {
  await using house = await House.create();
  const store = house.store({ now: () => Date.now() + day + 1000 });
  await store.write(jobId, 0, 'text/plain', pieces('x'));
  await store.write(jobId, 1, 'text/plain', pieces('x'));
  await store.write(otherId, 0, 'text/plain', pieces('y'));
  assert.equal(await store.sweep(async (id) => id === otherId), 2);
  assert.equal(await store.open(jobId, 0), null);
  assert.equal(await textOf(await store.open(otherId, 0)), 'y');
  assert.equal(await store.sweep(async (id) => id === otherId), 0);
});

test('files of an unknown job are kept for a day', async () => {
  await using house = await House.create();
  const store = house.store();
  await store.write(jobId, 0, 'text/plain', pieces('x'));
  assert.equal(await store.sweep(async () => false), 0);
  assert.equal(await textOf(await store.open(jobId, 0)), 'x');
});

test('nothing is removed while it is not known which jobs are kept', async () => {
  await using house = await House.create();
  const store = house.store({ now: () => Date.now() + day + 1000 });
  await store.write(jobId, 0, 'text/plain', pieces('x'));
  const away = async (): Promise<boolean> => {
    throw new Error('Redis is away');
  };
  await assert.rejects(store.sweep(away), /away/);
  assert.equal(await textOf(await store.open(jobId, 0)), 'x');
});

test('a sweep removes what a crashed write left, and not what is being written', async () => {
  await using house = await House.create();
  const store = house.store();
  const folder = await house.folderOf(jobId);
  async function* sweeping(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half');
    const [own] = await readdir(folder);
    assert.ok(own);
    await utimes(join(folder, own), 1, 1);
    await writeFile(join(folder, '.1-00ff.tmp'), 'left');
    await utimes(join(folder, '.1-00ff.tmp'), 1, 1);
    await writeFile(join(folder, '.2-00ff.tmp'), 'young');
    assert.equal(await store.sweep(async () => true), 1);
    yield Buffer.from('whole');
  }
  await store.write(jobId, 0, 'text/plain', sweeping());
  assert.deepEqual((await house.files()).sort(), ['.2-00ff.tmp', '0.txt']);
  assert.equal(await readFile(join(folder, '0.txt'), 'utf8'), 'halfwhole');
});

test('a sweep of a folder that is not there finds nothing', async () => {
  await using house = await House.create();
  assert.equal(await house.store().sweep(async () => false), 0);
});
