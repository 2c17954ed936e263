import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const whereIsIt = 'import os, sys; print(os.path.dirname(os.path.realpath(sys.executable)))';

/** PATH with the interpreter itself in front: the scripts that some machines put before it cost more than its start. */
export async function pathToPython(path: string): Promise<string> {
  const { stdout } = await promisify(execFile)('python3', ['-c', whereIsIt], {
    env: { ...process.env, PATH: path },
  });
  return `${stdout.trim()}:${path}`;
}
