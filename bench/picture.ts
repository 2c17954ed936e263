import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTrace } from './traces/generate.ts';
import { pictureOf } from './traces/picture.ts';
import { fifo } from './traces/policies/fifo.ts';
import { rent } from './traces/policies/rent.ts';
import { simulate } from './traces/simulate.ts';

/** Draws docs/scheduling.svg: the first hour of `mixed3`, seed 1, in order of arrival and as the scheduler does it. */
const trace = openTrace('mixed3', 1);
const picture = pictureOf(
  [
    { title: 'In order of arrival (FIFO)', run: simulate(trace, fifo()) },
    { title: 'Rent, then swap (RENT, what ships)', run: simulate(trace, rent(trace)) },
  ],
  3_600_000,
);
const path = join(import.meta.dirname, '..', 'docs', 'scheduling.svg');
writeFileSync(path, picture);
process.stdout.write(`${path}\n`);
