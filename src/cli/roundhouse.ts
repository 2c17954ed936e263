#!/usr/bin/env node
import { join } from 'node:path';
import { readEnvironment } from './context.ts';
import { runCommandLine } from './program.ts';
import { processTerminal } from './terminal.ts';

const env = readEnvironment();
const terminal = processTerminal(env);
const exitCode = await runCommandLine(process.argv.slice(2), {
  env,
  projectDir: join(import.meta.dirname, '..', '..'),
  workingDir: process.cwd(),
  terminal,
});
// Whatever a command left open must not keep the terminal; what it wrote must still get out.
process.exitCode = exitCode;
process.stdout.write('', () => process.exit(exitCode));
