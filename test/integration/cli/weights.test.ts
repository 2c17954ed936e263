import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { processesMarked } from '../../helpers/processes.ts';
import { TempDir } from '../../helpers/temp-dir.ts';
import { runCli, startCli } from './run-cli.ts';
import { StandInHub } from './stand-in-hub.ts';

let hub: StandInHub;

before(async () => {
  hub = await StandInHub.start();
});
after(() => hub[Symbol.asyncDispose]());

const entry = (id: string, model: string) => `  ${id}:
    type: image
    service_script: gpu-services/flux/server.py
    endpoint: /v1/${id}
    args: { model: ${model} }
`;
const modelsFile = `models:
${entry('tiny', 'org/tiny')}${entry('held', 'org/held')}${entry('gated', 'org/gated')}${entry('own', '/srv/own')}
  voice:
    type: speech
    service_script: gpu-services/piper/server.py
    endpoint: /v1/audio/speech
`;

async function place(dir: TempDir): Promise<Record<string, string>> {
  await writeFile(dir.path('models.yaml'), modelsFile);
  return {
    HF_ENDPOINT: hub.url,
    HOME: dir.dir,
    ROUNDHOUSE_MODELS: dir.path('models.yaml'),
    ROUNDHOUSE_DATA: dir.path('data'),
  };
}

test('pull tells size and licence, fetches into the data folder, and ls finds it there', async () => {
  await using dir = await TempDir.create();
  const env = await place(dir);
  const { code, out, err } = await runCli(['models', 'pull', 'tiny'], env);
  assert.equal(err, '');
  assert.match(out, /^tiny {2}org\/tiny @ [0-9a-f]{12} {2}8 files, 3\.2 MB\n {4}licence: apache-2\.0 /);
  assert.match(out, new RegExp(`^To fetch: 3\\.2 MB into ${dir.path('data/huggingface/hub')} \\(`, 'm'));
  assert.match(out, /^ {2}ok org\/tiny {2}3\.2 MB/m);
  assert.equal(code, 0);
  const list = await runCli(['models', 'ls'], env);
  assert.match(list.out, /^tiny +present +3\.2 MB +org\/tiny +[0-9a-f]{12} +apache-2\.0$/m);
  assert.match(list.out, /^held +missing +– +org\/held +main +–$/m);
  assert.match(list.out, /^own +the path \/srv\/own$/m);
  assert.match(list.out, /^voice +its service brings them$/m);
  const missing = await runCli(['models', 'ls', '--missing'], env);
  assert.equal(missing.out, 'held\ngated\n');
});

test('an existing HF_HOME is used', async () => {
  await using dir = await TempDir.create();
  const env = { ...(await place(dir)), HF_HOME: dir.path('workspace') };
  assert.equal((await runCli(['models', 'pull', 'tiny'], env)).code, 0);
  assert.deepEqual(await readdir(dir.path('workspace/hub/models--org--tiny/refs')), ['main']);
});

test('what needs nothing of the hub is told so, and nothing is asked', async () => {
  await using dir = await TempDir.create();
  const env = { ...(await place(dir)), HF_ENDPOINT: 'http://127.0.0.1:9' };
  const { code, out } = await runCli(['models', 'pull', 'own', 'voice'], env);
  assert.equal(
    out,
    'own  nothing to fetch: the path /srv/own\nvoice  nothing to fetch: its service brings them\n',
  );
  assert.equal(code, 0);
});

test('with --json each event is a line', async () => {
  await using dir = await TempDir.create();
  const { out } = await runCli(['models', 'pull', 'tiny', '--json'], await place(dir));
  const events = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).event);
  assert.deepEqual([...new Set(events)], ['repository', 'pin', 'plan', 'progress', 'done']);
});

test('Ctrl-C keeps what is here, leaves no process, and the same command goes on', async () => {
  await using dir = await TempDir.create();
  const env = { ...(await place(dir)), HF_TOKEN: 'hf_friend' };
  const child = startCli(['models', 'pull', 'held', '--json'], env);
  const said = text(child.stderr);
  for await (const line of createInterface(child.stdout)) {
    const event = JSON.parse(line);
    if (event.event !== 'progress' || event.have_bytes < 3 << 20) continue;
    for (const pid of await processesMarked(dir.dir))
      assert.doesNotMatch(await readFile(`/proc/${pid}/cmdline`, 'utf8'), /hf_friend/);
    child.kill('SIGINT');
    break;
  }
  const [code] = await once(child, 'exit');
  assert.equal(code, 130);
  assert.equal(await said, 'Stopped. What is here is kept; the same command goes on from there.\n');
  assert.deepEqual(await processesMarked(dir.dir), []);
  const list = await runCli(['models', 'ls', '--json'], env);
  const held = JSON.parse(list.out).find(({ model }: { model: string }) => model === 'held');
  assert.equal(held.state, 'partial');
  assert.ok(held.have_bytes >= 3 << 20);
  hub.goOn();
  const again = await runCli(['models', 'pull', 'held'], env);
  assert.match(again.out, /6\.0 MB, [34]\.\d MB of it here/);
  assert.equal(again.code, 0);
});

test('a gated model says which page to accept and where the token goes; others alone can be fetched', async () => {
  await using dir = await TempDir.create();
  const env = await place(dir);
  const { code, err } = await runCli(['models', 'pull', '--all'], env);
  assert.match(err, /^error: org\/gated is gated \(HTTP 401\)/);
  assert.match(err, new RegExp(`Accept the terms at ${hub.url}/org/gated`));
  assert.match(err, new RegExp(`put it into ${dir.path('data/hf-token')} \\(mode 600\\) or HF_TOKEN`));
  assert.match(err, /To fetch others meanwhile, name them: roundhouse models pull tiny held/);
  assert.equal(code, 1);
  const friend = { ...env, HF_TOKEN: 'hf_friend' };
  assert.equal((await runCli(['models', 'pull', 'gated'], friend)).code, 0);
});

test('the program that fetches weights is installed where a model needs it', async () => {
  await using dir = await TempDir.create();
  const needs = await runCli(['services'], await place(dir));
  assert.equal(needs.out, 'gpu-services/flux\ngpu-services/piper\ngpu-services/downloads\n');
  await writeFile(dir.path('models.yaml'), `models:\n${entry('own', '/srv/own')}`);
  const own = await runCli(['services', '--models', dir.path('models.yaml')]);
  assert.equal(own.out, 'gpu-services/flux\n');
});

for (const [args, message] of [
  [['pull'], /error: Which model\?\n {4}Name one of tiny, held, gated, own, voice, or give --all\./],
  [['pull', 'tinny'], /error: There is no model tinny in .*\n {4}Did you mean tiny\?/],
] as const)
  test(`"models ${args.join(' ')}" says what to write`, async () => {
    await using dir = await TempDir.create();
    const { code, err } = await runCli(['models', ...args], await place(dir));
    assert.match(err, message);
    assert.notEqual(code, 0);
  });
