import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

const source = join(import.meta.dirname, '../../../src/platform/signals.ts');

/** A process that says which signal it got and then takes for ever to stop. */
async function stubborn() {
  const program = `import { nextSignal } from ${JSON.stringify(source)};
    const signal = nextSignal();
    console.log('ready');
    setInterval(() => {}, 1000);
    console.log(await signal);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<unknown> => (await lines.next()).value;
  assert.equal(await nextLine(), 'ready');
  return { child, nextLine };
}

for (const [first, second] of [
  ['SIGTERM', 'SIGTERM'],
  ['SIGINT', 'SIGINT'],
  ['SIGHUP', 'SIGTERM'],
] as const)
  test(`${first} asks to stop, ${second} after it ends the process at once`, async () => {
    const { child, nextLine } = await stubborn();
    child.kill(first);
    assert.equal(await nextLine(), first);
    child.kill(second);
    const [, signal] = await once(child, 'exit');
    assert.equal(signal, 'SIGKILL');
  });
