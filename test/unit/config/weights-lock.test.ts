import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WantedRepository } from '../../../src/config/model-weights.ts';
import { ConfigError } from '../../../src/config/problem.ts';
import {
  atLockedCommit,
  formatWeightsLock,
  parseWeightsLock,
  weightsLockPath,
  withCommits,
} from '../../../src/config/weights-lock.ts';
import { fc } from '../../helpers/properties.ts';

const [one, other] = ['1'.repeat(40), `b${'3'.repeat(39)}`];
const parse = (text: string) => parseWeightsLock(text, '/srv/models.lock.yaml');
const wanted = (repo: string, revision: string | null): WantedRepository => ({
  repo,
  revision,
  variant: null,
  weights: [],
  allow: [],
  models: [],
});

for (const [models, lock] of [
  ['/srv/models.yaml', '/srv/models.lock.yaml'],
  ['/srv/models.cpu.yaml', '/srv/models.cpu.lock.yaml'],
  ['/srv/foo.yml', '/srv/foo.lock.yml'],
  ['/srv/a.yaml.d/foo', '/srv/a.yaml.d/foo.lock.yaml'],
] as const)
  test(`the lock of ${models} is ${lock}`, () => assert.equal(weightsLockPath(models), lock));

test('a lock is a sorted list that says what it is, and how to renew it', () => {
  const text = formatWeightsLock([
    { repo: 'org/b', revision: 'v2', commit: one },
    { repo: 'org/a', revision: 'main', commit: one },
    { repo: 'org/b', revision: 'main', commit: other },
  ]);
  assert.match(text, /^(# .*\n)+commits:\n/);
  assert.match(text, /version control/);
  assert.match(text, /roundhouse models pull --update NAME/);
  assert.equal(
    text.slice(text.indexOf('commits:')),
    `commits:\n  org/a:\n    main: "${one}"\n  org/b:\n    main: ${other}\n    v2: "${one}"\n`,
  );
});

test('a commit that looks like a number is read as it was', () => {
  const lock = [{ repo: 'org/a', revision: '1.0', commit: `2e${'3'.repeat(38)}` }];
  assert.deepEqual(parse(formatWeightsLock(lock)), lock);
});

// The hub has neither of the two that mean something to YAML or to JavaScript.
const name = fc.string({ minLength: 1 }).filter((each) => !['<<', '__proto__'].includes(each));
const commits = fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: 40, maxLength: 40 });
const entry = fc.record({ repo: name, revision: name, commit: commits.map((digits) => digits.join('')) });

test('whatever is written is read as it was, and in whichever order, it is the same text', () => {
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const lock = entries.reduce<ReturnType<typeof withCommits>>(
        (all, each) => withCommits(all, [each]),
        [],
      );
      const written = formatWeightsLock(lock);
      assert.equal(formatWeightsLock(lock.toReversed()), written);
      assert.equal(formatWeightsLock(parse(written)), written);
      assert.equal(parse(written).length, lock.length);
    }),
  );
});

test('what a pull pins takes the place of what was there, and all else stays', () => {
  const lock = parse(`commits: { org/a: { main: "${one}", v2: "${one}" }, org/b: { main: ${other} } }`);
  assert.equal(
    formatWeightsLock(withCommits(lock, [{ repo: 'org/a', revision: 'main', commit: other }])),
    formatWeightsLock(
      parse(`commits: { org/a: { main: ${other}, v2: "${one}" }, org/b: { main: ${other} } }`),
    ),
  );
});

test('a repository is asked for at the commit of its revision; without one that is main', () => {
  const lock = parse(`commits: { org/a: { main: "${one}", v2: ${other} } }`);
  const commitOf = (repo: string, revision: string | null) =>
    atLockedCommit(wanted(repo, revision), lock).commit;
  assert.equal(commitOf('org/a', null), one);
  assert.equal(commitOf('org/a', 'main'), one);
  assert.equal(commitOf('org/a', 'v2'), other);
  assert.equal(commitOf('org/a', 'v3'), null);
  assert.equal(commitOf('org/b', null), null);
});

test('an entry that names a commit itself has the last word', () => {
  const lock = parse(`commits: { org/a: { "${one}": ${other} } }`);
  assert.equal(atLockedCommit(wanted('org/a', one), lock).commit, null);
});

for (const [what, content, line, message] of [
  ['an empty file', '', 1, /not as "models pull" writes it/],
  ['a list', '# a\n- x\n', 2, /not as "models pull" writes it/],
  ['an unknown key', `commits: {}\nother: 1\n`, 1, /not as "models pull" writes it/],
  ['a repository without revisions', 'commits:\n  org/a:\n', 2, /not as "models pull" writes it/],
  ['a short commit', 'commits:\n  org/a:\n    main: abc\n', 3, /main of org\/a is no commit of 40 hex/],
  ['a number', `commits:\n  org/a:\n    main: ${one}\n`, 3, /main of org\/a is no commit of 40 hex/],
  ['a place twice', `commits:\n  org/a:\n    main: ${other}\n    main: ${other}\n`, 4, /line 3 already/],
  [
    'what a merge left',
    `commits:\n<<<<<<< HEAD\n  org/a:\n    main: ${other}\n=======\n  org/a:\n    main: "${one}"\n>>>>>>> b\n`,
    2,
    /this is not YAML/,
  ],
] as const)
  test(`${what} is refused with its line and what to do`, () =>
    assert.throws(
      () => parse(content),
      (error) => {
        assert.ok(error instanceof ConfigError);
        const [problem] = error.problems;
        assert.equal(`${problem?.where}:${problem?.line}`, `/srv/models.lock.yaml:${line}`);
        assert.match(problem?.what ?? '', message);
        assert.match(problem?.fix ?? '', /Restore it from version control\./);
        return true;
      },
    ));
