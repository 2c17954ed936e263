import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { projectDir } from '../../helpers/orchestrator.ts';

export interface CliResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts `roundhouse` as a user would, with nothing of this process's environment but PATH. `through`: a program. */
export function startCli(
  args: readonly string[],
  env: Record<string, string> = {},
  through: readonly string[] = [],
) {
  const [program = '', ...rest] = [
    ...through,
    process.execPath,
    join(projectDir, 'src/cli/roundhouse.ts'),
    ...args,
  ];
  return spawn(program, rest, {
    cwd: env.PWD ?? projectDir,
    env: { PATH: process.env.PATH ?? '', COLUMNS: '90', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export async function runCli(...given: Parameters<typeof startCli>): Promise<CliResult> {
  const child = startCli(...given);
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, out, err };
}
