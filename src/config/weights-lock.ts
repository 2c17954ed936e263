import { stringify } from 'yaml';
import { z } from 'zod';
import type { WantedRepository } from './model-weights.ts';
import { ConfigError, type Problem } from './problem.ts';
import { parseYaml, type YamlSource } from './yaml-source.ts';

/** Of one commit, whichever models and variants need it. */
interface Place {
  readonly repo: string;
  readonly revision: string;
}

/** What a branch or tag means here, whatever it means on the hub by now. */
export interface LockedCommit extends Place {
  readonly commit: string;
}

/** At most one commit for each place. */
export type WeightsLock = readonly LockedCommit[];

/** As gpu-services/downloads/request.py takes it. */
export interface AskedRepository extends WantedRepository {
  /** What the revision is locked to; null: the hub says what it means. */
  readonly commit: string | null;
}

const commitName = /^[0-9a-f]{40}$/;
const lockFile = z.strictObject({
  commits: z.record(z.string(), z.record(z.string(), z.string().regex(commitName))),
});

const header = `# What the branches and tags of the model hub meant when "roundhouse models pull" fetched from them; it takes these
# commits from then on. Keep this file in version control, beside the models file.
# To take what a branch means now: roundhouse models pull --update NAME
`;

/** `models.lock.yaml` for `models.yaml`, beside it. */
export const weightsLockPath = (modelsPath: string): string =>
  modelsPath.replace(/(\.ya?ml)?$/, (ending) => `.lock${ending || '.yaml'}`);

/**
 * `where` is for messages.
 * @throws ConfigError: what cannot be understood is never pinned anew in silence
 */
export function parseWeightsLock(text: string, where: string): WeightsLock {
  const source = parseYaml(text);
  const mistake = noYaml(source);
  if (mistake) throw refusal(where, mistake);
  const shape = lockFile.safeParse(source.value);
  if (!shape.success) throw refusal(where, wrongShape(source, shape.error.issues[0]?.path ?? []));
  return commitsOf(shape.data);
}

type Mistake = Pick<Problem, 'line' | 'what'>;

const refusal = (where: string, { line, what }: Mistake) =>
  new ConfigError([
    {
      where,
      line,
      what,
      fix: 'Restore it from version control. Or remove it: "models pull" then pins what the branches mean by then.',
    },
  ]);

function noYaml({ faults: [fault], duplicates: [twice] }: YamlSource): Mistake | null {
  if (fault) return { line: fault.line, what: `this is not YAML: ${fault.message}` };
  if (twice) return { line: twice.line, what: `"${twice.key}" stands in line ${twice.firstLine} already.` };
  return null;
}

function wrongShape(source: YamlSource, path: readonly PropertyKey[]): Mistake {
  const [, repo, revision] = path.map(String);
  const what =
    revision === undefined
      ? 'this is not as "models pull" writes it: commits, below them repositories, below them revisions.'
      : `${revision} of ${repo} is no commit of 40 hexadecimal digits.`;
  return { line: source.lineOf(path), what };
}

const commitsOf = ({ commits }: z.infer<typeof lockFile>): WeightsLock =>
  Object.entries(commits).flatMap(([repo, revisions]) =>
    Object.entries(revisions).map(([revision, commit]) => ({ repo, revision, commit })),
  );

/** The same commits are always the same text. */
export function formatWeightsLock(lock: WeightsLock): string {
  const sorted = lock.toSorted((a, b) => order(a.repo, b.repo) || order(a.revision, b.revision));
  const byRepo = Map.groupBy(sorted, ({ repo }) => repo);
  const ofRepo = (places: WeightsLock) => places.map(({ revision, commit }) => [revision, commit] as const);
  const commits = new Map([...byRepo].map(([repo, places]) => [repo, new Map(ofRepo(places))]));
  return `${header}${stringify({ commits }, { lineWidth: 0 })}`;
}

const order = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** Those that no model needs any more stay: a service that is not shipped here may still need them elsewhere. */
export const withCommits = (lock: WeightsLock, news: readonly LockedCommit[]): WeightsLock => [
  ...lock.filter((each) => !news.some((other) => isSamePlace(each, other))),
  ...news,
];

export const isSamePlace = (one: Place, other: Place): boolean =>
  one.repo === other.repo && one.revision === other.revision;

export const lockedCommit = (lock: WeightsLock, place: Place): string | null =>
  lock.find((each) => isSamePlace(each, place))?.commit ?? null;

/** Without a revision the branch `main` counts. */
export const placeOf = ({ repo, revision }: WantedRepository): Place => ({
  repo,
  revision: revision ?? 'main',
});

/** A revision that is a commit itself needs no lock. */
export function atLockedCommit(wanted: WantedRepository, lock: WeightsLock): AskedRepository {
  const place = placeOf(wanted);
  return { ...wanted, commit: commitName.test(place.revision) ? null : lockedCommit(lock, place) };
}
