import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { projectDir } from '../../helpers/orchestrator.ts';

/** The hub of test/gpu_services/stand_in_hub.py with `org/tiny`, `org/held` and `org/gated`. */
export class StandInHub {
  readonly url: string;
  private readonly child: ChildProcess;
  private readonly answers: AsyncIterator<string>;

  private constructor(url: string, child: ChildProcess, answers: AsyncIterator<string>) {
    this.url = url;
    this.child = child;
    this.answers = answers;
  }

  static async start(): Promise<StandInHub> {
    const program = join(projectDir, 'test/gpu_services/stand_in_hub.py');
    const child = spawn('python3', [program], { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
    return new StandInHub((await next(answers)).url, child, answers);
  }

  /** What it held back of `org/held` comes. */
  goOn(): void {
    this.child.stdin?.write('go-on\n');
  }

  /** The branch of a repository has a new commit, which is returned. */
  async move(repo: string): Promise<string> {
    return (await this.ask(`move ${repo}`)).commit;
  }

  /** Of a repository, only the newest commit is left. */
  async forget(repo: string): Promise<void> {
    await this.ask(`forget ${repo}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.stdin?.end();
    await once(this.child, 'exit');
  }

  private async ask(order: string) {
    this.child.stdin?.write(`${order}\n`);
    return next(this.answers);
  }
}

async function next(answers: AsyncIterator<string>) {
  const { value, done } = await answers.next();
  if (done) throw new Error('the hub has ended');
  return JSON.parse(value);
}
