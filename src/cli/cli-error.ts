/** Exit codes; scripts may rely on them. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  jobFailed: 3,
  unavailable: 69,
  busy: 75,
  config: 78,
  interrupted: 130,
} as const;

/** A command that could not do its work: one sentence of what happened, one of what to do. */
export class CliError extends Error {
  readonly exitCode: number;
  readonly fix: string;

  constructor(message: string, fix: string, exitCode: number = exitCodes.failed) {
    super(message);
    this.name = 'CliError';
    this.fix = fix;
    this.exitCode = exitCode;
  }
}
