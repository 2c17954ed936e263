import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rename, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { TempDir } from '../../helpers/temp-dir.ts';
import { type CliResult, runCli, startCli } from './run-cli.ts';
import { StandInHub } from './stand-in-hub.ts';

const entry = (id: string, args: string) => `  ${id}:
    type: image
    service_script: gpu-services/flux/server.py
    endpoint: /v1/${id}
    args: { ${args} }
`;

/** A house with a models file, whose lock is `models.lock.yaml`, and a hub of its own, whose branches may move. */
class Place {
  readonly hub: StandInHub;
  readonly dir: TempDir;

  private constructor(hub: StandInHub, dir: TempDir) {
    this.hub = hub;
    this.dir = dir;
  }

  static async create(): Promise<Place> {
    const place = new Place(await StandInHub.start(), await TempDir.create());
    await mkdir(place.dir.path('house'));
    await place.write(
      'models.yaml',
      `models:\n${entry('tiny', 'model: org/tiny')}${entry('held', 'model: org/held')}`,
    );
    return place;
  }

  get env(): Record<string, string> {
    const [HOME, ROUNDHOUSE_DATA] = [this.dir.dir, this.dir.path('data')];
    return { HF_ENDPOINT: this.hub.url, HOME, ROUNDHOUSE_DATA, ROUNDHOUSE_MODELS: this.path('models.yaml') };
  }

  path(name: string): string {
    return this.dir.path('house', name);
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(this.path(name), text);
  }

  readonly lock = (): Promise<string> => readFile(this.path('models.lock.yaml'), 'utf8');
  readonly pull = (...args: string[]): Promise<CliResult> => runCli(['models', 'pull', ...args], this.env);
  readonly pullElsewhere = (...args: string[]): Promise<CliResult> =>
    runCli(['models', 'pull', ...args], { ...this.env, HF_HOME: this.dir.path('elsewhere') });

  async pullOf(...args: string[]): Promise<Record<string, unknown>> {
    const { out } = await this.pull('--json', ...args);
    return JSON.parse(out.slice(0, out.indexOf('\n')));
  }

  /** `state commit` of each model. */
  async list(): Promise<Record<string, string>> {
    const rows: Record<string, string>[] = JSON.parse(
      (await runCli(['models', 'ls', '--json'], this.env)).out,
    );
    return Object.fromEntries(rows.map(({ model, state, commit }) => [model, `${state} ${commit}`]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }
}

const commitIn = (text: string): string => /[0-9a-f]{40}/.exec(text)?.[0] ?? 'none';
const mainOf = (folder: string) => readFile(`${folder}/hub/models--org--tiny/refs/main`, 'utf8');

test('the first pull pins what the branch means, and later ones take that, here and elsewhere', async () => {
  await using place = await Place.create();
  const first = await place.pull('tiny');
  const lock = await place.lock();
  const commit = commitIn(lock);
  assert.match(lock, /^# What the branches .*\n(# .*\n)+commits:\n {2}org\/tiny:\n {4}main: /);
  assert.match(
    first.out,
    new RegExp(`^Pinned: main ${commit.slice(0, 12)} {2}org/tiny {2}\\(models\\.lock\\.yaml\\)$`, 'm'),
  );
  assert.notEqual(await place.hub.move('org/tiny'), commit);

  const again = await place.pull('tiny');
  const elsewhere = await place.pullElsewhere('tiny');
  for (const { code, out } of [again, elsewhere]) {
    assert.equal(code, 0);
    assert.match(out, new RegExp(`^tiny {2}org/tiny @ ${commit.slice(0, 12)} {2}8 files`));
    assert.match(out, new RegExp(`^ {4}main is pinned to ${commit.slice(0, 12)} `, 'm'));
    assert.doesNotMatch(out, /Pinned/);
  }
  assert.match(again.out, /^Everything is here/m);
  assert.equal(await mainOf(place.dir.path('data/huggingface')), commit);
  assert.equal(await mainOf(place.dir.path('elsewhere')), commit);
  assert.equal(await place.lock(), lock);
  assert.equal((await place.list()).tiny, `present ${commit}`);
});

test('--update takes what the branch means now, of the named models only', async () => {
  await using place = await Place.create();
  place.hub.goOn();
  await place.pull('--all');
  const before = await place.lock();
  const [old, held] = [commitIn(before.slice(before.indexOf('org/tiny'))), commitIn(before)];
  const [newer] = [await place.hub.move('org/tiny'), await place.hub.move('org/held')];
  const { code, out } = await place.pull('--update', 'tiny');
  assert.equal(code, 0);
  assert.match(out, new RegExp(`^Pinned: main ${old.slice(0, 12)} → ${newer.slice(0, 12)} {2}org/tiny`, 'm'));
  assert.equal(await place.lock(), before.replace(old, newer));
  assert.deepEqual(await place.list(), { tiny: `present ${newer}`, held: `present ${held}` });
  assert.match(
    (await place.pull('--update', 'tiny')).out,
    new RegExp(`^Pinned: main ${newer.slice(0, 12)} still`, 'm'),
  );
});

test('--update of one model fetches for the others that load from the same branch, too', async () => {
  await using place = await Place.create();
  await place.write(
    'models.yaml',
    `models:\n${entry('tiny', 'model: org/tiny')}${entry('twin', 'model: org/tiny, revision: main')}`,
  );
  await place.pull('tiny');
  const newer = await place.hub.move('org/tiny');
  const { out } = await place.pull('--update', 'tiny');
  assert.match(out, new RegExp(`^tiny, twin {2}org/tiny @ ${newer.slice(0, 12)}`, 'm'));
  assert.deepEqual(await place.list(), { tiny: `present ${newer}`, twin: `present ${newer}` });
});

test('an interrupted pull goes on with the commit that it began', async () => {
  await using place = await Place.create();
  const child = startCli(['models', 'pull', 'held', '--json'], place.env);
  for await (const line of createInterface(child.stdout))
    if (JSON.parse(line).event === 'progress' && child.kill('SIGINT')) break;
  const [code] = await once(child, 'exit');
  assert.equal(code, 130);
  const commit = commitIn(await place.lock());
  assert.notEqual(await place.hub.move('org/held'), commit);
  place.hub.goOn();
  const { commit: taken, locked, have_bytes: have } = await place.pullOf('held');
  assert.deepEqual([taken, locked], [commit, true]);
  assert.ok(Number(have) > 0);
  assert.equal((await place.list()).held, `present ${commit}`);
});

test('a pull that is refused pins nothing, also of what was not refused', async () => {
  await using place = await Place.create();
  await place.write(
    'models.yaml',
    `models:\n${entry('tiny', 'model: org/tiny')}${entry('gated', 'model: org/gated')}`,
  );
  assert.equal((await place.pull('--all')).code, 1);
  assert.deepEqual(await readdir(place.path('.')), ['models.yaml']);
});

test('an entry that names a commit itself needs no lock', async () => {
  await using place = await Place.create();
  await place.pull('tiny');
  const lock = await place.lock();
  const commit = commitIn(lock);
  await place.write('models.yaml', `models:\n${entry('tiny', `model: org/tiny, revision: '${commit}'`)}`);
  await unlink(place.path('models.lock.yaml'));
  const { out } = await place.pull('tiny');
  assert.doesNotMatch(out, /pinned/i);
  assert.deepEqual(await readdir(place.path('.')), ['models.yaml']);
});

test('a pull with --json tells a pin as an event of its own', async () => {
  await using place = await Place.create();
  const { out } = await place.pull('tiny', '--json');
  const pin = out.split('\n').find((line) => line.includes('"pin"')) ?? '';
  const file = place.path('models.lock.yaml');
  const [repo, revision, commit] = ['org/tiny', 'main', commitIn(await place.lock())];
  assert.deepEqual(JSON.parse(pin), { event: 'pin', repo, revision, commit, was: null, file, problem: null });
});

test('a lock that changed makes what is here incomplete, and a pull mends it', async () => {
  await using place = await Place.create();
  await place.pull('tiny');
  const [lock, old] = [await place.lock(), commitIn(await place.lock())];
  const newer = await place.hub.move('org/tiny');
  await place.write('models.lock.yaml', lock.replace(old, newer));
  assert.equal((await place.list()).tiny, `missing ${newer}`);
  assert.match((await runCli(['models', 'ls', '--missing'], place.env)).out, /^tiny$/m);
  await place.pull('tiny');
  assert.equal((await place.list()).tiny, `present ${newer}`);
  await place.write('models.lock.yaml', lock); // its files are here, and main means the other
  assert.equal((await place.list()).tiny, `partial ${old}`);
  assert.match((await runCli(['models', 'ls'], place.env)).out, /^tiny +partial +3\.2 MB /m);
  await place.pull('tiny');
  assert.equal((await place.list()).tiny, `present ${old}`);
});

test('a locked commit that the hub no longer has is told with what to do, and nothing is taken instead', async () => {
  await using place = await Place.create();
  await place.pull('tiny');
  const lock = await place.lock();
  await place.hub.move('org/tiny');
  await place.hub.forget('org/tiny');
  const { code, err } = await place.pullElsewhere('tiny');
  assert.equal(code, 1);
  assert.match(
    err,
    new RegExp(`^error: main of org/tiny is locked to the commit ${commitIn(lock)}, which the hub no`),
  );
  assert.match(err, /^ {4}To take what it means now: roundhouse models pull --update tiny$/m);
  assert.equal(await place.lock(), lock);
  assert.equal((await place.pull('--update', 'tiny')).code, 0);
});

test('a lock that cannot be understood ends pull, update and ls, and is left as it is', async () => {
  await using place = await Place.create();
  const broken = 'commits:\n  org/tiny:\n    main: newest\n';
  await place.write('models.lock.yaml', broken);
  for (const args of [['pull', 'tiny'], ['pull', '--update', 'tiny'], ['ls']]) {
    const { code, out, err } = await runCli(['models', ...args], place.env);
    assert.equal(code, 78);
    assert.equal(out, '');
    assert.equal(
      err,
      `${place.path('models.lock.yaml')}:3: error: main of org/tiny is no commit of 40 hexadecimal digits.\n` +
        '    Restore it from version control. Or remove it: "models pull" then pins what the branches mean by then.\n',
    );
  }
  assert.equal(await place.lock(), broken);
});

/** The modes of files count for root, too. */
const unprivileged = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override'] : [];

test('a folder that cannot be written to leaves the pull without a pin, and says so', async () => {
  await using place = await Place.create();
  await chmod(place.path('.'), 0o555);
  const { code, out } = await runCli(['models', 'pull', 'tiny'], place.env, unprivileged);
  assert.equal(code, 0);
  assert.match(
    out,
    /^Not pinned: \S+\/models\.lock\.yaml cannot be written \(EACCES\)\. To stay .* write into the models file: revision: [0-9a-f]{40}$/m,
  );
  assert.match(out, /^ {2}ok org\/tiny/m);
  assert.deepEqual(await readdir(place.path('.')), ['models.yaml']);
});

test('a lock file is written only for news, and a link to one stays a link', async () => {
  await using place = await Place.create();
  await place.pull('tiny');
  await rename(place.path('models.lock.yaml'), place.dir.path('kept.yaml'));
  await symlink(place.dir.path('kept.yaml'), place.path('models.lock.yaml'));
  const { ino } = await stat(place.dir.path('kept.yaml'));
  await place.pull('--update', 'tiny');
  assert.equal((await stat(place.dir.path('kept.yaml'))).ino, ino);
  const newer = await place.hub.move('org/tiny');
  await place.pull('--update', 'tiny');
  assert.equal(commitIn(await readFile(place.dir.path('kept.yaml'), 'utf8')), newer);
  assert.deepEqual((await readdir(place.path('.'))).toSorted(), ['models.lock.yaml', 'models.yaml']);
});
