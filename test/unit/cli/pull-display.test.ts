import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes } from '../../../src/cli/byte-sizes.ts';
import type { DownloadEvent } from '../../../src/cli/download-events.ts';
import type { PinEvent } from '../../../src/cli/pinning.ts';
import { PullDisplay } from '../../../src/cli/pull-display.ts';
import { plain } from '../../../src/cli/terminal.ts';
import { TransferRate } from '../../../src/cli/transfer-rate.ts';

const commit = '741f7c3ce8b383c54771c7003378a50191e9efe9';
const repository: DownloadEvent = {
  event: 'repository',
  repo: 'org/flux',
  revision: 'main',
  models: ['flux', 'flux-fast'],
  commit,
  locked: false,
  page: 'https://hub/org/flux',
  licence: 'apache-2.0',
  licence_link: null,
  gated: false,
  files: 12,
  total_bytes: 33_700_000_000,
  have_bytes: 1_200_000_000,
};
const progress = (have: number): DownloadEvent => ({
  event: 'progress',
  repo: 'org/flux',
  revision: 'main',
  have_bytes: have,
  total_bytes: 1000e6,
});
const done: DownloadEvent = {
  event: 'done',
  repo: 'org/flux',
  revision: 'main',
  commit,
  total_bytes: 1000e6,
};

type Shown = readonly [atMs: number, event: DownloadEvent | PinEvent];

function shown(isTty: boolean, events: readonly Shown[], columns = 90): string {
  let [now, text] = [0, ''];
  const terminal = {
    isTty,
    columns,
    paint: plain,
    err: () => {},
    out: (piece: string) => {
      text += piece;
    },
  };
  const display = new PullDisplay(terminal, () => now, 'models.lock.yaml');
  for (const [atMs, event] of events) {
    now = atMs;
    display.show(event);
  }
  return text;
}

test('a repository is told with its models, size and licence', () => {
  assert.equal(
    shown(false, [[0, repository]]),
    `flux, flux-fast  org/flux @ 741f7c3ce8b3  12 files, 33.7 GB, 1.2 GB of it here
    licence: apache-2.0  https://hub/org/flux
`,
  );
});

test('a card without a licence sends to its page', () => {
  const text = shown(false, [[0, { ...repository, licence: null }]]);
  assert.match(text, /licence: none in its model card {2}https:\/\/hub\/org\/flux/);
});

test('one that the lock file pins is told so, and how to renew it', () => {
  const text = shown(true, [[0, { ...repository, locked: true }]], 80);
  assert.match(text, /^.*main is pinned to 741f7c3ce8b3 {2}\(models\.lock\.yaml; --update renews it\)$/m);
});

const older = '0a1b2c3d4e5f60718293a4b5c6d7e8f901234567';
const pin: PinEvent = {
  event: 'pin',
  repo: 'org/flux',
  revision: 'main',
  commit,
  was: null,
  file: '/srv/models.lock.yaml',
  problem: null,
};
for (const [what, event, line] of [
  ['a new pin is told with its file', pin, 'main 741f7c3ce8b3  org/flux  (models.lock.yaml)'],
  [
    'one that moved is told from where to where',
    { ...pin, was: older },
    'main 0a1b2c3d4e5f → 741f7c3ce8b3  org/flux  (models.lock.yaml)',
  ],
  [
    'one that did not move is told, too',
    { ...pin, was: commit },
    'main 741f7c3ce8b3 still  org/flux  (models.lock.yaml)',
  ],
] as const)
  test(what, () => assert.equal(shown(false, [[0, event]]), `Pinned: ${line}\n`));

test('both commits of one that moved are seen on a narrow terminal', () => {
  const text = shown(true, [[0, { ...pin, repo: 'organisation/flux-of-many-words', was: older }]], 50);
  assert.match(text, /0a1b2c3d4e5f → 741f7c3ce8b3 .*…\n$/);
});

test('a pin that could not be written is told whole, however narrow, with what to write', () => {
  const text = shown(true, [[0, { ...pin, problem: 'EACCES' }]], 50);
  assert.equal(
    text,
    'Not pinned: /srv/models.lock.yaml cannot be written (EACCES). ' +
      `To stay with this main of org/flux, write into the models file: revision: ${commit}\n`,
  );
});

test('on a terminal one line moves, with its rate and what is left', () => {
  const text = shown(true, [
    [0, progress(0)],
    [2000, progress(200e6)],
  ]);
  const lines = text.split('\r\u001b[K');
  assert.equal(lines.at(-1), '  org/flux  ██░░░░░░░░  20 %  200 MB of 1.0 GB  100 MB/s  8 s left');
  assert.doesNotMatch(text, /\n/);
});

test('elsewhere a line comes every 15 seconds, without control characters', () => {
  const text = shown(false, [
    [0, progress(0)],
    [5000, progress(100e6)],
    [15_000, progress(300e6)],
    [16_000, progress(320e6)],
    [40_000, done],
  ]);
  assert.equal(
    text,
    '  org/flux  ███░░░░░░░  30 %  300 MB of 1.0 GB  20.0 MB/s  35 s left\n  ok org/flux  1.0 GB  40 s\n',
  );
});

test('what was there before counts as no speed', () => {
  const rate = new TransferRate();
  rate.add(0, 5e9);
  assert.equal(rate.bytesPerSecond, null);
  rate.add(1000, 5.01e9);
  assert.equal(Math.round(rate.bytesPerSecond ?? 0), 10_000_000);
});

test('a speed follows the last seconds', () => {
  const rate = new TransferRate();
  for (let second = 0; second <= 20; second++) rate.add(second * 1000, Math.min(second, 10) * 1e6);
  assert.equal(rate.bytesPerSecond, 0);
});

for (const [bytes, words] of [
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [3_150_073, '3.2 MB'],
  [99_960_000, '100 MB'],
  [15_200_000_000, '15.2 GB'],
] as const)
  test(`${bytes} bytes are ${words}`, () => assert.equal(formatBytes(bytes), words));
