import { runProgram } from './run-program.ts';

/** Whether `nvidia-smi` (from `searchPath`) lists a GPU. No program, no driver, no answer within 10 s: false. */
export async function hasGpu(searchPath: string): Promise<boolean> {
  const { code, stdout } = await runProgram('nvidia-smi', ['-L'], { timeoutMs: 10_000, searchPath });
  return code === 0 && /^GPU \d+:/m.test(stdout);
}
