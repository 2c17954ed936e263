import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { projectDir } from '../../helpers/orchestrator.ts';
import { runCli } from './run-cli.ts';

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'rh-cli-'));
});
after(() => rm(dir, { recursive: true }));

async function write(name: string, text: string): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, text);
  return path;
}

test('check finds nothing wrong with the shipped files', async () => {
  const { code, out, err } = await runCli(['check', 'models.yaml', 'models.cpu.yaml']);
  assert.equal(err, '');
  assert.match(out, /^models\.yaml: 3 models, no problems/m);
  assert.match(out, /^models\.cpu\.yaml: 4 models, no problems$/m);
  assert.equal(code, 0);
});

test('check prints every problem with its line and what to write, and exits with 1', async () => {
  await write('bad.yaml', 'models:\n  a:\n    type: txt\n    endpoint: /x\n    port: 80\n');
  const { code, out } = await runCli(['check', 'bad.yaml'], { PWD: dir });
  assert.equal(
    out,
    `bad.yaml:2: error: model "a": "service_script" is missing.
    Write for example: service_script: gpu-services/llamacpp/server.py
bad.yaml:3: error: model "a": "type" must be one of text, image, audio, speech, transcription, embedding, custom, not "txt".
    Write for example: type: text
bad.yaml:5: error: model "a": "port" must be a whole number from 1024 to 65535, not 80.
    Write for example: port: 8001
bad.yaml: 3 problems
`,
  );
  assert.equal(code, 1);
});

test('check without a file takes the one that is set', async () => {
  const path = await write('one.yaml', 'models: {}\n');
  const { code, out } = await runCli(['check'], { ROUNDHOUSE_MODELS: path });
  assert.match(out, /has no model in it/);
  assert.equal(code, 1);
});

test('services prints the folder of each service once', async () => {
  const { code, out } = await runCli(['services', '--models', 'models.cpu.yaml']);
  assert.equal(
    out,
    'gpu-services/llamacpp\ngpu-services/piper\ngpu-services/whisper\ngpu-services/embeddings\n',
  );
  assert.equal(code, 0);
});

test('services of a broken file prints its problems and nothing to install', async () => {
  const path = await write('broken.yaml', 'models: [\n');
  const { code, out, err } = await runCli(['services', '--models', path]);
  assert.equal(out, '');
  assert.match(err, /broken\.yaml:\d: error: this is not YAML/);
  assert.equal(code, 78);
});

test('models-path follows the GPU that nvidia-smi lists', async () => {
  const without = await runCli(['models-path'], { PATH: dir });
  assert.equal(without.out, `${projectDir}/models.cpu.yaml\n`);
  const program = await write('nvidia-smi', '#!/bin/sh\necho "GPU 0: NVIDIA H100 (UUID: GPU-1)"\n');
  await chmod(program, 0o755);
  const listed = await runCli(['models-path'], { PATH: dir });
  assert.equal(listed.out, `${projectDir}/models.yaml\n`);
});

test('models-path takes the CPU models where nvidia-smi is there but finds no GPU', async () => {
  const program = await write('nvidia-smi', '#!/bin/sh\necho "No devices were found"\nexit 6\n');
  await chmod(program, 0o755);
  const { out } = await runCli(['models-path'], { PATH: dir });
  assert.equal(out, `${projectDir}/models.cpu.yaml\n`);
});

test('wrong settings are told all at once, with exit code 78', async () => {
  const env = { ROUNDHOUSE_PORT: 'x', ROUNDHOUSE_LOG_LEVEL: 'loud' };
  const { code, err } = await runCli(['models-path'], env);
  assert.match(err, /^ROUNDHOUSE_PORT: error: "x" is not a whole number/m);
  assert.match(err, /^ROUNDHOUSE_LOG_LEVEL: error: "loud" is none of trace, debug/m);
  assert.equal(code, 78);
});

test('a mistyped command is a usage error with a suggestion', async () => {
  const { code, out, err } = await runCli(['chekc']);
  assert.equal(out, '');
  assert.match(err, /unknown command 'chekc'[\s\S]*Did you mean check\?/);
  assert.equal(code, 2);
});

test('help lists the commands and every setting', async () => {
  const { code, out } = await runCli(['--help']);
  assert.match(out, /^ {2}serve \[options\]/m);
  assert.match(out, /^ {2}ROUNDHOUSE_DATA$/m);
  assert.equal(code, 0);
});
