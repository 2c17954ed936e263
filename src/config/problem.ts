/** Something wrong in a file or a setting, with what to write instead. */
export interface Problem {
  /** A file's path, or the name of an environment variable. */
  readonly where: string;
  /** Counts from 1; null when it concerns no single line. */
  readonly line: number | null;
  readonly what: string;
  readonly fix: string;
}

/** One line such as `models.yaml:12: model "x": … Write: …`. */
export const formatProblem = ({ where, line, what, fix }: Problem): string =>
  `${where}${line === null ? '' : `:${line}`}: ${what} ${fix}`.trimEnd();

/** Several problems at once; its message lists them all. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}
