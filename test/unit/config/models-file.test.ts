import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ModelsFileOptions, parseModelsFile, readModelsFile } from '../../../src/config/models-file.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import { asModelId } from '../../../src/contracts/ids.ts';
import type { Registry } from '../../../src/contracts/registry.ts';
import { projectDir } from '../../helpers/orchestrator.ts';

const script = 'gpu-services/llamacpp/server.py';
const disk = {
  projectDir: '/srv',
  scripts: [script, 'gpu-services/piper/server.py'],
  isFile: (path: string) => disk.scripts.some((known) => path === `/srv/${known}`),
  isFolder: (path: string) =>
    disk.scripts.some((known) => path === `/srv/${known}`.replace('/server.py', '')),
};
const parse = (text: string, options?: ModelsFileOptions) =>
  parseModelsFile(text, 'models.yaml', disk, options);

function registryOf(text: string): Registry {
  const result = parse(text);
  assert.ok('registry' in result, 'problems' in result ? result.problems.map(formatProblem).join('\n') : '');
  return result.registry;
}

function problemsOf(text: string, options?: ModelsFileOptions): readonly string[] {
  const result = parse(text, options);
  assert.ok('problems' in result, 'there was no problem');
  return result.problems.map(formatProblem);
}

const model = (id: string, more = '') =>
  `  ${id}:\n    type: text\n    service_script: ${script}\n    endpoint: /v1/chat/completions\n${more}`;

test('a model with only what is required gets every default', () => {
  const spec = registryOf(`models:\n${model('tiny')}`).models.get(asModelId('tiny'));
  assert.deepEqual(spec, {
    id: 'tiny',
    type: 'text',
    aliases: [],
    serviceScript: `/srv/${script}`,
    endpoints: ['/v1/chat/completions'],
    port: null,
    startupTimeMs: 60_000,
    serviceTimeMs: 10_000,
    vramMb: 0,
    concurrency: 1,
    pinned: false,
    sleep: false,
    sleepRamMb: 0,
    readAhead: true,
    args: {},
    queueCap: 1000,
    queueTtlMs: 3_600_000,
    allowWeights: [],
    executionTimeoutMs: 600_000,
    deadlines: {
      loadStallMs: 300_000,
      loadTotalMs: 1_200_000,
      firstTokenMs: 120_000,
      interTokenMs: 60_000,
      stopGraceMs: 10_000,
    },
  });
});

test('seconds become ms and GB become MB', () => {
  const text = `vram_gb: 24\nmodels:\n${model('m', '    startup_time: 1.5\n    vram_gb: 18\n    deadlines: { stop_grace: 0 }\n')}`;
  const registry = registryOf(text);
  const spec = registry.models.get(asModelId('m'));
  assert.equal(registry.vramMb, 24 * 1024);
  assert.equal(spec?.vramMb, 18 * 1024);
  assert.equal(spec?.startupTimeMs, 1500);
  assert.equal(spec?.deadlines.stopGraceMs, 0);
});

test('clients may send an id or an alias', () => {
  const { names } = registryOf(`models:\n${model('a', '    aliases: [x/y, gpt-4o]\n')}${model('b')}`);
  assert.deepEqual(
    [...names],
    [
      ['a', 'a'],
      ['x/y', 'a'],
      ['gpt-4o', 'a'],
      ['b', 'b'],
    ],
  );
});

test('a request without model goes to the marked model, else to the first that serves the endpoint', () => {
  const first = registryOf(`models:\n${model('a')}${model('b')}`);
  assert.equal(first.defaults.get('/v1/chat/completions'), 'a');
  const marked = registryOf(`models:\n${model('a')}${model('b', '    default: true\n')}`);
  assert.equal(marked.defaults.get('/v1/chat/completions'), 'b');
});

test('the window between keys is on, can be set, and can be switched off', () => {
  const windowOf = (scheduler: string) => registryOf(`models:\n${model('a')}${scheduler}`).window;
  assert.deepEqual(windowOf(''), { alone: 16, shared: 4, activeForMs: 600_000 });
  assert.deepEqual(windowOf('scheduler:\n  key_window_shared_jobs: 2\n  key_active_s: 1.5\n'), {
    alone: 16,
    shared: 2,
    activeForMs: 1500,
  });
  assert.equal(windowOf('scheduler:\n  fair_keys: false\n'), null);
});

test('scheduler parameters are given in seconds and by class, the rest stays at its default', () => {
  const { scheduler } = registryOf(
    `models:\n${model('a')}scheduler:\n  max_wait_s: { interactive: 0.5 }\n  min_stay_swaps: { batch: 3 }\n  preload: false\n`,
  );
  assert.deepEqual(scheduler.maxWait, [500, 900_000, 7_200_000]);
  assert.deepEqual(scheduler.kappa, [2, 4, 3]);
  assert.equal(scheduler.spec, false);
  assert.equal(scheduler.beta, 0.25);
});

test('networks that webhooks may reach are taken over', () => {
  const text = `models:\n${model('a')}webhooks: { allow_http: true, allow_cidrs: [100.64.0.0/10, "fd00::/8"] }\n`;
  assert.deepEqual(registryOf(text).webhooks, {
    allowHttp: true,
    allowCidrs: ['100.64.0.0/10', 'fd00::/8'],
  });
});

test('every problem of a bad file is told at once, in order, with its line and what to write', () => {
  const text = `vram_gb: 24
models:
  a:
    type: txt
    service_script: gpu-services/llamacp/server.py
    endpoint: v1/chat
    startuptime: 3
    port: 8001
    concurrency: 0
  b/c:
    type: text
    service_script: gpu-services/piper/serve.py
    endpoint: [/jobs, /x]
    port: 8001
    aliases: [a]
    vram_gb: 30
    deadlines: { firsttoken: 3, load_stall: 10, load_total: 3 }
  d:
  e:
    type: text
webhooks: { allow_cidrs: [10.0.0.0] }
scheduler:
  target_wait_s: { interactive: soon }
  beta: 1
modles: {}
`;
  assert.deepEqual(
    problemsOf(text).map((line) => line.replace('models.yaml:', '')),
    [
      '4: model "a": "type" must be one of text, image, audio, speech, transcription, embedding, custom, not "txt". Write for example: type: text',
      '5: model "a": there is no file gpu-services/llamacp/server.py. Did you mean gpu-services/llamacpp/server.py?',
      '6: model "a": "endpoint" must be a URL path or a list of them, each beginning with "/", not "v1/chat". Write for example: endpoint: /v1/chat/completions',
      '7: model "a": unknown key "startuptime". Did you mean "startup_time"?',
      '9: model "a": "concurrency" must be a whole number from 1 to 4096, not 0. Write for example: concurrency: 4',
      '10: "b/c" is no model id: letters, digits, ".", "_" and "-", at most 64. Call it "b-c" and put "b/c" under its aliases.',
      '12: model "b/c": there is no file gpu-services/piper/serve.py. Did you mean gpu-services/piper/server.py?',
      '13: model "b/c": /jobs is one of Roundhouse\'s own paths. Choose another, for example /v1/b/c/generate.',
      '14: model "b/c": port 8001 is already the one of "a". Write: port: 8002, or remove the line for a Unix socket.',
      '15: model "b/c": the alias "a" is the id of a model. A name means one model: remove it here or there.',
      '16: model "b/c": it needs 30 GB, and the box has 24 GB ("vram_gb" at the top). Choose a smaller or quantised variant, or correct the figure that is wrong.',
      '17: model "b/c": deadlines: unknown key "firsttoken". Did you mean "first_token"?',
      '17: model "b/c": load_stall (10 s) is over load_total (3 s) and could never be reached. Raise load_total or lower load_stall.',
      '18: model "d" must be a map of fields, not empty. Write for example: type: text',
      '19: model "e": "service_script" is missing. Write for example: service_script: gpu-services/llamacpp/server.py',
      '19: model "e": "endpoint" is missing. Write for example: endpoint: /v1/chat/completions',
      '21: webhooks: "allow_cidrs" must be a list of networks in CIDR notation; entry 1 is "10.0.0.0". Write for example: allow_cidrs: [100.64.0.0/10]',
      '23: scheduler.target_wait_s: "interactive" must be a number of seconds over 0, not "soon". Write for example: target_wait_s: { interactive: 30 }',
      '24: scheduler: unknown key "beta". Known here: target_wait_s, max_wait_s, max_wait_cycles, min_stay_swaps, rent_share, soft_drain_jobs, soft_drain_cap_s, settle_share, settle_cap_s, preload, preload_idle_s, preload_margin, starvation_guard, fair_keys, key_window_alone_jobs, key_window_shared_jobs, key_active_s.',
      '25: unknown key "modles". Did you mean "models"?',
    ],
  );
});

test('an id that stands twice is named with both lines', () => {
  assert.deepEqual(problemsOf(`models:\n${model('a')}${model('a')}`), [
    'models.yaml:6: "a" stands in line 2 already, and only one of the two could count. Rename or remove one.',
  ]);
});

test('two defaults of one endpoint are one too many', () => {
  const text = `models:\n${model('a', '    default: true\n')}${model('b', '    default: true\n')}`;
  assert.deepEqual(problemsOf(text), [
    'models.yaml:11: model "b": "a" is already the default of /v1/chat/completions. Remove "default: true" from one of the two.',
  ]);
});

test('an alias belongs to one model', () => {
  const text = `models:\n${model('a', '    aliases: [x]\n')}${model('b', '    aliases: [y, x]\n')}`;
  assert.match(
    problemsOf(text).join('\n'),
    /^models\.yaml:11: model "b": the alias "x" belongs to "a" already/,
  );
});

test('more pinned models than fit are refused, and one that shuts out all others is a warning', () => {
  const pinned = '    pinned: true\n    vram_gb: 10\n';
  const both = `models:\n${model('a', pinned)}${model('b', pinned)}`;
  assert.match(problemsOf(both).join('\n'), /2 models are pinned, and one model is resident at a time/);
  assert.match(problemsOf(`vram_gb: 16\n${both}`).join('\n'), /the box has 16 GB, they need 20/);
  assert.doesNotThrow(() => registryOf(`vram_gb: 24\n${both}`));
  const { warnings } = parse(`models:\n${model('a', pinned)}${model('b')}`);
  assert.match(
    warnings.map(formatProblem).join('\n'),
    /^models\.yaml:6: model "a" is pinned where one model/,
  );
});

test('a model without vram_gb on a box that shares memory is a warning', () => {
  const { warnings } = parse(`vram_gb: 24\nmodels:\n${model('a')}`);
  assert.match(warnings.map(formatProblem).join('\n'), /^models\.yaml:3: model "a" names no vram_gb/);
});

test('a service that is not there yet may be checked and may not be run', () => {
  const text = `models:\n${model('a').replace('llamacpp', 'video')}`;
  assert.match(
    problemsOf(text).join('\n'),
    /^models\.yaml:4: .* no file gpu-services\/video\/server\.py\. Services here: /,
  );
  const checked = parse(text, { notShipped: 'warning' });
  assert.ok('registry' in checked);
  assert.equal(checked.warnings.length, 1);
});

test('a wrong file name in a service that is there is a problem for both', () => {
  const text = `models:\n${model('a').replace('server.py', 'main.py')}`;
  assert.equal(problemsOf(text, { notShipped: 'warning' }).length, 1);
});

const notYaml: Record<string, string> = {
  'a tab as indentation': 'models:\n\ta: 1\n',
  'an open bracket': 'models: [\n',
  'an alias without its anchor': 'models: *base\n',
};
for (const [what, text] of Object.entries(notYaml))
  test(`${what} is named as no YAML, with a line`, () => {
    const problems = problemsOf(text);
    assert.match(problems[0] ?? '', /^models\.yaml:\d: this is not YAML: .+\. Check indentation/);
    assert.equal(problems.length, 1);
  });

const empties: Record<string, RegExp> = {
  '': /"models" is missing/,
  '# nothing\n': /"models" is missing/,
  'models:\n': /"models" must be a map of model ids, not empty/,
  'models: {}\n': /has no model in it/,
  'models: [a]\n': /must be a map of model ids, not a list/,
  '- a\n': /the file is a list/,
  'text\n': /the file is "text"/,
};
for (const [text, expected] of Object.entries(empties))
  test(`a file with ${JSON.stringify(text)} has one problem that says what is missing`, () => {
    const problems = problemsOf(text);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0] ?? '', expected);
  });

test('anchors and merge keys save repetition', () => {
  const text = `models:\n  a: &base\n    type: text\n    service_script: ${script}\n    endpoint: /x\n  b:\n    <<: *base\n    endpoint: /y\n`;
  assert.deepEqual(registryOf(text).models.get(asModelId('b'))?.endpoints, ['/y']);
});

test('a file that is not there is a problem and no exception', () => {
  const result = readModelsFile('/nowhere/models.yaml', '/srv');
  assert.ok('problems' in result);
  assert.match(result.problems.map(formatProblem).join(), /^\/nowhere\/models\.yaml: there is no such file/);
});

for (const file of ['models.yaml', 'models.cpu.yaml'])
  test(`the shipped ${file} is right`, () => {
    const result = readModelsFile(`${projectDir}/${file}`, projectDir, { notShipped: 'warning' });
    assert.ok(
      'registry' in result,
      'problems' in result ? result.problems.map(formatProblem).join('\n') : '',
    );
  });
