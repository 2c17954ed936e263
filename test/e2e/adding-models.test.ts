import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Box, projectDir } from '../helpers/orchestrator.ts';

/** docs/ADDING_MODELS.md, done as it says: its own blocks, in an installation of their own. */
const run = promisify(execFile);
const blocks = blocksOf(await readFile(join(projectDir, 'docs/ADDING_MODELS.md'), 'utf8'));
const serviceFolder = 'gpu-services/mymodel';
const dev = join(projectDir, '.venvs/dev/bin');

let box: Box;
let installation: string;

before(async () => {
  box = await Box.create();
  installation = join(box.dir, 'installation');
  await install();
});

after(async () => {
  const survivors = await box.survivors();
  await box[Symbol.asyncDispose]();
  assert.deepEqual(survivors, []);
});

test('its requirements are all that the service needs', async () => {
  const requirements = join(installation, serviceFolder, 'requirements.txt');
  await run(join(dev, 'pip'), ['install', '--dry-run', '--no-index', '--quiet', '-r', requirements]);
});

test('the service runs alone, and answers what the page asks', async () => {
  const port = String(await freePort());
  const [command, questions] = [blockWith('server.py --port 8004'), blockWith('localhost:8004/health')];
  const service = spawn('bash', ['-c', `exec ${command.replace('8004', port)}`], {
    cwd: installation,
    env: { PATH: process.env.PATH, ROUNDHOUSE_INSTANCE: box.dir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: service.stdout })) if (line.includes('Ready')) break;
  const { stdout } = await bash(questions.replaceAll('8004', port));
  const [health, answer] = jsonOf(stdout);
  assert.equal(health?.status, 'READY');
  assert.deepEqual(answer, { text: 'olleh' });
  service.kill('SIGTERM');
  assert.deepEqual(await once(service, 'exit'), [0, null]);
});

test('it is asked through the turntable by its endpoint alone, by model, and as a job', async () => {
  const models = blockWith('type: custom');
  const dataDir = join(installation, '.roundhouse');
  const env = { ROUNDHOUSE_DATA: dataDir };
  await writeFile(join(box.dir, 'models.yaml'), models);
  await roundhouse('check', join(box.dir, 'models.yaml'));
  const house = await box.start({ models, env, installation });
  const { stdout } = await bash(blockWith('/jobs').replaceAll('localhost:9000', new URL(house.url).host));
  const [alone, byModel, accepted] = jsonOf(stdout);
  assert.deepEqual(alone, { text: 'olleh' });
  assert.deepEqual(byModel, { text: 'olleh' });
  const key = (await readFile(join(dataDir, 'api-key'), 'utf8')).trim();
  const answer = await fetch(`${house.url}/jobs/${accepted?.id}?wait=60`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const job = (await answer.json()) as { status: string; output: unknown };
  assert.equal(job.status, 'completed');
  assert.deepEqual(job.output, { text: 'hello' });
  assert.equal(await house.stop(), 0);
});

test('it keeps the contract, with the sleep that the page adds', async () => {
  await addToService(blockWith('# also in MyModelService'));
  await writeFile(join(installation, serviceFolder, 'conformance.json'), blockWith('"claims"'));
  const { stdout } = await bash(blockWith('-m core.conformance'));
  assert.match(stdout, /sleeps-and-wakes +passed/);
  assert.match(stdout, /tells-job-progress +passed/);
  assert.match(stdout, /gpu-services\/mymodel: keeps the contract/);
});

/** What a checkout with its installed parts is, and the page's files in it. */
async function install(): Promise<void> {
  await mkdir(join(installation, '.venvs'), { recursive: true });
  for (const part of ['src', 'scripts', 'gpu-services/core', 'package.json'])
    await cp(join(projectDir, part), join(installation, part), { recursive: true });
  for (const part of ['node_modules', '.runtime'])
    await symlink(join(projectDir, part), join(installation, part));
  for (const name of ['server.py', 'requirements.txt']) await writeBlock(`${serviceFolder}/${name}`);
  await makeEnvironment();
}

/** As scripts/install.sh makes it, with the packages of .venvs/dev in place of downloaded ones. */
async function makeEnvironment(): Promise<void> {
  const venv = join(installation, '.venvs/mymodel');
  const python = join(venv, 'bin/python');
  const sitePackages = 'import sysconfig; print(sysconfig.get_path("purelib"))';
  const { stdout: packages } = await run(join(dev, 'python'), ['-c', sitePackages]);
  await run(join(dev, 'python'), ['-m', 'venv', '--without-pip', venv]);
  const { stdout: own } = await run(python, ['-c', sitePackages]);
  await writeFile(join(own.trim(), 'packages.pth'), packages);
  await run(python, [join(installation, 'gpu-services/core/install_pth.py')]);
}

async function writeBlock(path: string): Promise<void> {
  await mkdir(join(installation, path, '..'), { recursive: true });
  await writeFile(join(installation, path), blockWith(`# ${path}\n`));
}

async function addToService(methods: string): Promise<void> {
  const path = join(installation, serviceFolder, 'server.py');
  const [service, end] = (await readFile(path, 'utf8')).split('\n\nif __name__');
  await writeFile(path, `${service}\n${methods}\n\nif __name__${end}`);
}

function bash(commands: string): Promise<{ stdout: string }> {
  return run('bash', ['-euc', commands], {
    cwd: installation,
    env: { PATH: process.env.PATH, ROUNDHOUSE_INSTANCE: box.dir },
  });
}

function roundhouse(...args: string[]): Promise<{ stdout: string }> {
  return run(process.execPath, [join(installation, 'src/cli/roundhouse.ts'), ...args], { cwd: installation });
}

function blocksOf(page: string): readonly string[] {
  return [...page.matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, block]) => block ?? '');
}

function blockWith(text: string): string {
  const found = blocks.filter((block) => block.includes(text));
  assert.equal(found.length, 1, `${found.length} blocks of the page hold ${text}`);
  return found[0] ?? '';
}

/** curl prints one answer after the other. */
function jsonOf(text: string): Record<string, unknown>[] {
  return text
    .replaceAll('}{', '}\n{')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}
