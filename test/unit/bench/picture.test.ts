import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTrace } from '../../../bench/traces/generate.ts';
import { pictureOf } from '../../../bench/traces/picture.ts';
import { fifo } from '../../../bench/traces/policies/fifo.ts';
import { rent } from '../../../bench/traces/policies/rent.ts';
import { simulate } from '../../../bench/traces/simulate.ts';

const hourMs = 3_600_000;

test('the picture shows each panel with its lanes, its swaps and its waits', () => {
  const trace = openTrace('mixed3', 1);
  const runs = [simulate(trace, fifo()), simulate(trace, rent(trace))] as const;
  const svg = pictureOf(
    [
      { title: 'first', run: runs[0] },
      { title: 'second', run: runs[1] },
    ],
    hourMs,
  );
  const count = (pattern: RegExp) => svg.match(pattern)?.length ?? 0;
  assert.equal(count(/class="lane-name"/g), 6);
  const swaps = runs.flatMap((run) =>
    run.swaps.filter(({ decidedMs, evict }) => decidedMs < hourMs && evict.length > 0),
  );
  assert.equal(count(/<line class="swap"/g), swaps.length + 1);
  assert.match(svg, />first<[\s\S]*40 swaps, mean wait 68 min[\s\S]*>second<[\s\S]*swaps, mean wait \d+ s/);
  assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
  assert.equal(count(/<(svg|text|title|desc|style|defs|pattern)\b/g), count(/<\/\w+>/g));
});
