import { execFile } from 'node:child_process';

/** Whether `nvidia-smi` (from `searchPath`) lists a GPU. No program, no driver, no answer within 10 s: false. */
export function hasGpu(searchPath: string): Promise<boolean> {
  const options = { env: { PATH: searchPath }, timeout: 10_000, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve) => {
    execFile('nvidia-smi', ['-L'], options, (error, stdout) => resolve(!error && /^GPU \d+:/m.test(stdout)));
  });
}
