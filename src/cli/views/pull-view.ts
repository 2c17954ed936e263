import { formatBytes } from '../byte-sizes.ts';
import type { EventOf } from '../download-events.ts';
import { formatDuration } from '../durations.ts';
import { type Line, span } from '../layout.ts';
import type { PinEvent } from '../pinning.ts';
import { progressBar } from './progress-bar.ts';

/** Of a repository, before anything is fetched: what it is, how large, under which licence. */
export function repositoryLines(event: EventOf<'repository'>, lockName: string): readonly Line[] {
  const { models, repo, commit, files, total_bytes: total, have_bytes: have } = event;
  const size = `${files} files, ${formatBytes(total)}`;
  const rest =
    have === 0 ? size : have < total ? `${size}, ${formatBytes(have)} of it here` : `${size}, here`;
  return [
    [span(models.join(', '), 'strong'), span(`  ${repo} @ ${short(commit)}`), span(`  ${rest}`, 'dim')],
    licenceLine(event),
    ...(event.locked ? [lockedLine(event, lockName)] : []),
  ];
}

function licenceLine({ licence, licence_link: link, page, gated }: EventOf<'repository'>): Line {
  const terms = gated ? [span('  gated: you accepted its terms', 'dim')] : [];
  if (licence === null)
    return [
      span('    licence: '),
      span('none in its model card', 'busy'),
      span(`  ${page}`, 'dim'),
      ...terms,
    ];
  return [span('    licence: '), span(licence, 'strong'), span(`  ${link ?? page}`, 'dim'), ...terms];
}

const lockedLine = ({ revision, commit }: EventOf<'repository'>, lockName: string): Line => [
  span(`    ${revision} is pinned to ${short(commit)}`),
  span(`  (${lockName}; --update renews it)`, 'dim'),
];

/** Of a commit that the lock file did not say. The commits come first: narrow terminals cut the end. */
export const pinLine = ({ repo, revision, commit, was }: PinEvent, lockName: string): Line => [
  span('Pinned: '),
  span(`${revision} ${was === null || was === commit ? '' : `${short(was)} → `}${short(commit)}`, 'strong'),
  span(was === commit ? ' still' : ''),
  span(`  ${repo}`),
  span(`  (${lockName})`, 'dim'),
];

export const notPinnedLine = ({ repo, revision, commit, file, problem }: PinEvent): Line => [
  span(`Not pinned: ${file} cannot be written (${problem}). `, 'busy'),
  span(`To stay with this ${revision} of ${repo}, write into the models file: revision: ${commit}`),
];

const short = (commit: string): string => commit.slice(0, 12);

export function planLine({ need_bytes: need, free_bytes: free, folder }: EventOf<'plan'>): Line {
  if (need === 0) return [span(`Everything is here: ${folder}`)];
  return [
    span('To fetch: '),
    span(formatBytes(need), 'strong'),
    span(` into ${folder} (${formatBytes(free)} free)`),
  ];
}

/** `  Qwen/…  ██████░░░░  64 %  9.7 of 15.2 GB  112 MB/s  49 s left` */
export function progressLine(event: EventOf<'progress'>, bytesPerSecond: number | null): Line {
  const { repo, have_bytes: have, total_bytes: total } = event;
  const rate = bytesPerSecond === null ? [] : [span(`  ${formatBytes(bytesPerSecond)}/s`)];
  const left = bytesPerSecond ? [span(`  ${formatDuration(leftMs(total - have, bytesPerSecond))} left`)] : [];
  const sizes = span(`  ${formatBytes(have)} of ${formatBytes(total)}`, 'dim');
  return [span(`  ${repo}  `), ...progressBar(total === 0 ? 1 : have / total), sizes, ...rate, ...left];
}

/** Whole seconds: what is guessed has no tenths. */
const leftMs = (bytes: number, bytesPerSecond: number): number => Math.ceil(bytes / bytesPerSecond) * 1000;

export const doneLine = ({ repo, total_bytes: total }: EventOf<'done'>, tookMs: number): Line => [
  span('  ok ', 'good'),
  span(`${repo}  ${formatBytes(total)}`),
  span(`  ${formatDuration(Math.round(tookMs / 1000) * 1000)}`, 'dim'),
];
