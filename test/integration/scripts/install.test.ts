import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { projectDir } from '../../helpers/orchestrator.ts';
import { TempDir } from '../../helpers/temp-dir.ts';
import { WheelIndex } from './wheel-index.ts';

const shared = ['scripts/runtime', 'node_modules', 'src', 'package.json', 'package-lock.json'];
/** Nothing listens on this port of any machine. */
const silentIndex = 'http://127.0.0.1:9/simple';

interface Outcome {
  readonly code: number;
  readonly out: string;
}

/** A project folder with services of its own; all else is the real one's. */
class Project implements AsyncDisposable {
  readonly dir: TempDir;
  readonly index: WheelIndex;
  env: Record<string, string>;

  private constructor(dir: TempDir, index: WheelIndex) {
    this.dir = dir;
    this.index = index;
    this.env = {
      PATH: `${dir.path('bin')}${delimiter}${process.env.PATH}`,
      HOME: dir.dir,
      REDIS_URL: 'redis://127.0.0.1:9',
      PIP_CONFIG_FILE: '/dev/null',
      PIP_INDEX_URL: index.url,
    };
  }

  static async create(): Promise<Project> {
    const dir = await TempDir.create();
    await mkdir(dir.path('bin'));
    await mkdir(dir.path('gpu-services'));
    const own = (path: string) => path !== join(projectDir, 'scripts/runtime');
    await cp(join(projectDir, 'scripts'), dir.path('scripts'), { recursive: true, filter: own });
    for (const path of shared) await symlink(join(projectDir, path), dir.path(path));
    await symlink(join(projectDir, 'gpu-services/core'), dir.path('gpu-services/core'));
    return new Project(dir, await WheelIndex.open());
  }

  async service(name: string, files: Readonly<Record<string, string>>): Promise<void> {
    const folder = this.dir.path('gpu-services', name);
    await mkdir(folder, { recursive: true });
    for (const [file, text] of Object.entries({ 'server.py': '', ...files }))
      await writeFile(join(folder, file), text);
  }

  /** As `nvidia-smi` lists a GPU with this driver. */
  async gpu(driver: string): Promise<void> {
    const path = this.dir.path('bin/nvidia-smi');
    const answer = `case "$*" in -L) echo "GPU 0: A GPU (UUID: GPU-1)" ;; *driver_version*) echo ${driver} ;; esac`;
    await writeFile(path, `#!/bin/sh\n${answer}\n`);
    await chmod(path, 0o755);
  }

  install(...args: readonly string[]): Promise<Outcome> {
    return this.run(this.dir.path('scripts/install.sh'), args);
  }

  /** A function of scripts/lib-python.sh alone. */
  call(command: string): Promise<Outcome> {
    const setUp = 'set -euo pipefail; . scripts/lib.sh; . scripts/lib-python.sh; mkdir -p .runtime';
    return this.run('bash', ['-c', `${setUp}; ${command}`]);
  }

  private run(program: string, args: readonly string[]): Promise<Outcome> {
    return new Promise((resolve) => {
      execFile(program, args, { env: this.env, cwd: this.dir.dir }, (error, stdout, stderr) => {
        resolve({ code: Number(error?.code ?? 0), out: stdout + stderr });
      });
    });
  }

  /** What the environment of a service imports. */
  version(service: string, module: string): Promise<string> {
    const python = this.dir.path('.venvs', service, 'bin/python');
    return new Promise((resolve) => {
      execFile(python, ['-c', `import ${module}; print(${module}.VERSION)`], (_error, stdout) =>
        resolve(stdout.trim()),
      );
    });
  }

  async isCompiled(service: string, module: string): Promise<boolean> {
    const files = await readdir(this.dir.path('.venvs', service, 'lib'), { recursive: true });
    return files.some((file) => file.includes(`__pycache__/${module}.`));
  }

  log = (name: string) => readFile(this.dir.path('.runtime/logs', name), 'utf8');

  async [Symbol.asyncDispose](): Promise<void> {
    await this.index[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }
}

test('again only what changed; a second machine installs from the kept wheels, without any index', async () => {
  await using project = await Project.create();
  const { dir, index } = project;
  const services = ['--services', 'tiny own'];
  await project.service('tiny', { 'requirements.lock': await index.offer(dir.dir, 'tinypack', '1.0') });
  await project.service('own', { 'requirements.txt': 'ownpack\n' });
  await index.offer(dir.dir, 'ownpack', '3.0');
  project.env.ROUNDHOUSE_WHEELS = dir.path('wheels');
  const first = await project.install(...services);
  assert.equal(first.code, 0, first.out);
  assert.ok(await project.isCompiled('tiny', 'tinypack'));
  assert.equal(await project.version('tiny', 'tinypack'), '1.0');

  await project.service('tiny', { 'requirements.lock': await index.offer(dir.dir, 'tinypack', '2.0') });
  index.asked.length = 0;
  const again = await project.install(...services);
  assert.match(again.out, /ok Python environment tiny \(\d+ s\)\n.*ok Python environment own: here/);
  assert.ok(index.asked.some((path) => path.includes('tinypack')));
  assert.ok(!index.asked.some((path) => path.includes('ownpack')));

  await rm(dir.path('.venvs'), { recursive: true });
  await index[Symbol.asyncDispose]();
  const second = await project.install(...services);
  assert.equal(second.code, 0, second.out);
  assert.equal(await project.version('tiny', 'tinypack'), '2.0');
  assert.equal(await project.version('own', 'ownpack'), '3.0');
});

test('an index that does not answer is left out at once, and the hashes are checked all the same', async () => {
  await using project = await Project.create();
  const line = await project.index.offer(project.dir.dir, 'torchlike', '1.0');
  const wrong = line.replace(/sha256:.*/, `sha256:${'0'.repeat(64)}`);
  const silent = `--extra-index-url ${silentIndex}\n`;
  await project.service('painter', { 'requirements.cpu.txt': silent + wrong });
  const refused = await project.install('--services', 'painter');
  assert.equal(refused.code, 1);
  assert.match(refused.out, /error: The Python environment of gpu-services\/painter could not be made\./);
  assert.match(await project.log('python-painter.log'), /hash/i);

  await project.service('painter', { 'requirements.cpu.txt': silent + line });
  const { code, out } = await project.install('--services', 'painter');
  assert.equal(code, 0, out);
  assert.match(out, /Python environment painter \(CPU\)/);
  const log = await project.log('python-painter.log');
  assert.match(log, /127\.0\.0\.1:9\/simple does not answer/);
  assert.doesNotMatch(log, /Retrying/);
  assert.equal(await project.version('painter', 'torchlike'), '1.0');
});

test('an index that answers stays in', async () => {
  await using project = await Project.create();
  const { dir, index } = project;
  const pip = join(projectDir, '.venvs/downloads/bin/pip');
  const line = await index.offer(dir.dir, 'torch', '1.0');
  await project.service('painter', { 'requirements.cpu.txt': `--extra-index-url ${index.url}\n${line}` });
  const file = 'gpu-services/painter/requirements.cpu.txt';
  assert.equal((await project.call(`without_silent_index ${pip} ${file}`)).out, `${file}\n`);
  await index[Symbol.asyncDispose]();
  const { out } = await project.call(`without_silent_index ${pip} ${file}`);
  assert.match(out, /^\.runtime\/without-index-painter\.txt$/m);
  assert.equal(await readFile(dir.path('.runtime/without-index-painter.txt'), 'utf8'), line);
});

const pair = { 'requirements.cuda.txt': 'cuda-toolkit==13.0.3.0 \\\n', 'requirements.cpu.txt': '' };
const chosen = 'requirements_of gpu-services/painter "$(torch_build)"';

test('a machine without a GPU takes the CPU lock, one with a GPU the other; ROUNDHOUSE_TORCH decides', async () => {
  await using project = await Project.create();
  await project.service('painter', pair);
  await project.service('one', { 'requirements.lock': '', 'requirements.txt': '' });
  assert.equal((await project.call(chosen)).out, 'gpu-services/painter/requirements.cpu.txt\n');
  await project.gpu('580.65.06');
  assert.equal((await project.call(chosen)).out, 'gpu-services/painter/requirements.cuda.txt\n');
  assert.equal(
    (await project.call('requirements_of gpu-services/one cuda')).out,
    'gpu-services/one/requirements.lock\n',
  );
  project.env.ROUNDHOUSE_TORCH = 'cpu';
  assert.equal((await project.call(chosen)).out, 'gpu-services/painter/requirements.cpu.txt\n');
});

test('an old driver stops the installation, with the version that the lock needs and the way round', async () => {
  await using project = await Project.create();
  await project.service('painter', pair);
  await project.gpu('550.54.14');
  const { code, out } = await project.install('--services', 'painter');
  assert.equal(code, 1);
  assert.match(
    out,
    /requirements\.cuda\.txt brings CUDA 13\.0, which needs the NVIDIA driver 580 or newer; this machine has 550\.54\.14\./,
  );
  assert.match(out, /choose a host with CUDA 13 or newer\), or set ROUNDHOUSE_TORCH=cpu/);
});

for (const [lock, driver, isEnough] of [
  ['nvidia-cuda-runtime-cu12==12.8.90 \\', '525.60.13', true],
  ['nvidia-cuda-runtime-cu12==12.8.90 \\', '470.1', false],
  ['nvidia-cuda-runtime==13.0.96 ; x \\', '580.65.06', true],
  ['numpy==2.4.6 \\', '390.1', true],
] as const)
  test(`driver ${driver} is ${isEnough ? 'enough' : 'too old'} for ${lock.split(' ')[0]}`, async () => {
    await using project = await Project.create();
    await project.service('painter', { 'requirements.cuda.txt': `${lock}\n` });
    await project.gpu(driver);
    const { code } = await project.call('check_driver gpu-services/painter/requirements.cuda.txt');
    assert.equal(code, isEnough ? 0 : 1);
  });

test('without a GPU, as when an image is built, no driver is asked for', async () => {
  await using project = await Project.create();
  await project.service('painter', pair);
  const { code } = await project.call('check_driver gpu-services/painter/requirements.cuda.txt');
  assert.equal(code, 0);
});

for (const [args, env, message] of [
  [['--services', 'nope'], {}, /error: There is no service nope\.\n {4}There are: tiny downloads/],
  [['--services'], {}, /error: --services needs names\./],
  [['--what'], {}, /error: There is no option --what\./],
  [['--services', 'tiny'], { ROUNDHOUSE_TORCH: 'gpu' }, /ROUNDHOUSE_TORCH=gpu is none of auto, cpu, cuda/],
] as const)
  test(`"install.sh ${args.join(' ')}" ${JSON.stringify(env)} says what is wrong`, async () => {
    await using project = await Project.create();
    await project.service('tiny', { 'requirements.lock': '' });
    project.env = { ...project.env, ...env };
    const { code, out } = await project.install(...args);
    assert.match(out, message);
    assert.equal(code, 1);
  });
