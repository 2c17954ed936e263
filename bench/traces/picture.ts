import type { ModelId } from '../../src/contracts/ids.ts';
import { waitOf } from './measure.ts';
import type { Run } from './simulate.ts';

export interface Panel {
  readonly title: string;
  readonly run: Run;
}

const width = 960;
const left = 128;
const right = width - 28;
const headHeight = 46;
const laneHeight = 62;
const laneGap = 12;
const barHeight = 13;
const panelGap = 30;
const footHeight = 76;
const top = 20;
const minuteMs = 60_000;
const colours = ['#2f6f8f', '#b4632d', '#6b7f3a', '#7a5a8c', '#8a6d1f', '#4d6b6b'];

/** Lanes over time, one panel for each run of the same trace: who is resident, when it is swapped, and who waits. */
export function pictureOf(panels: readonly Panel[], untilMs: number): string {
  const [first] = panels;
  if (first === undefined) return '';
  const used = new Set(first.run.jobs.filter(({ tMs }) => tMs < untilMs).map(({ model }) => model));
  const models = first.run.trace.models.map(({ id }) => id).filter((id) => used.has(id));
  const scene = { models, untilMs, most: mostWaiting(panels, models, untilMs) };
  const panelHeight = headHeight + models.length * (laneHeight + laneGap) - laneGap;
  const height = top + panels.length * (panelHeight + panelGap) - panelGap + footHeight;
  const drawn = panels.map((panel, index) => panelAt(panel, top + index * (panelHeight + panelGap), scene));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d" font-family="ui-sans-serif, system-ui, sans-serif">`,
    '<title id="t">The same hour under two policies</title>',
    `<desc id="d">${panels.map((panel) => `${panel.title}: ${factsOf(panel.run, untilMs)}`).join(' ')}</desc>`,
    style,
    `<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="14"/>`,
    ...drawn,
    axis(height - footHeight, untilMs),
    legend(height - 24),
    '</svg>\n',
  ].join('\n');
}

const style = `<style>
  .ground { fill: #fdfcf9; stroke: #d9d4c7 }
  .name { font-size: 16px; font-weight: 600; fill: #2b2a27 }
  .lane-name { font-size: 13.5px; font-weight: 600; fill: #2b2a27 }
  .small { font-size: 12.5px; fill: #5d5a52 }
  .lane { fill: #f3f0e8 }
  .bar { fill: #e6e1d3 }
  .loading { fill: url(#hatch) }
  .swap { stroke: #2b2a27; stroke-width: 1; opacity: 0.28 }
  .tick { stroke: #c9c3b3; stroke-width: 1 }
</style>
<defs>
  <pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="5" height="5" fill="#e6e1d3"/><rect width="2" height="5" fill="#8a8577"/></pattern>
</defs>`;

interface Scene {
  readonly models: readonly ModelId[];
  readonly untilMs: number;
  /** Waiting jobs that fill a lane's height. */
  readonly most: number;
}

function panelAt({ title, run }: Panel, y: number, scene: Scene): string {
  const lanes = scene.models.map((model, index) =>
    laneAt(run, model, y + headHeight + index * (laneHeight + laneGap), index, scene),
  );
  const swapsTop = y + headHeight;
  const swapsEnd = swapsTop + scene.models.length * (laneHeight + laneGap) - laneGap;
  const swaps = run.swaps
    .filter(({ decidedMs, evict }) => decidedMs < scene.untilMs && evict.length > 0)
    .map(({ decidedMs }) => {
      const x = xOf(decidedMs, scene.untilMs);
      return `<line class="swap" x1="${x}" x2="${x}" y1="${swapsTop}" y2="${swapsEnd}"/>`;
    });
  return [
    `<text class="name" x="28" y="${y + 22}">${title}</text>`,
    `<text class="small" x="${right}" y="${y + 22}" text-anchor="end">${factsOf(run, scene.untilMs)}</text>`,
    ...lanes,
    ...swaps,
  ].join('\n');
}

function laneAt(run: Run, model: ModelId, y: number, index: number, { untilMs, most }: Scene): string {
  const colour = colours[index % colours.length] ?? '';
  const floor = y + laneHeight - barHeight - 3;
  const queue = queuePath(run, model, untilMs, (waiting) => floor - (waiting / most) * (floor - y));
  const waiting = waitingOf(run, model, untilMs);
  const peak = Math.max(0, ...waiting.map(([, count]) => count));
  return [
    `<rect class="lane" x="${left}" y="${y}" width="${right - left}" height="${laneHeight}" rx="4"/>`,
    `<rect class="bar" x="${left}" y="${floor + 3}" width="${right - left}" height="${barHeight}"/>`,
    `<path d="${queue}" fill="${colour}" opacity="0.32"/>`,
    ...stays(run, model, untilMs).map(({ fromMs, toMs, isLoading }) => {
      const [x, end] = [xOf(fromMs, untilMs), xOf(toMs, untilMs)];
      const look = isLoading ? 'class="loading"' : `fill="${colour}"`;
      return `<rect ${look} x="${x}" y="${floor + 3}" width="${round(end - x)}" height="${barHeight}"/>`;
    }),
    `<text class="lane-name" x="28" y="${y + 26}">${model}</text>`,
    `<text class="small" x="28" y="${y + 44}">up to ${peak} wait</text>`,
  ].join('\n');
}

/** When a model was being loaded, and when it was there until it had drained. */
function stays({ swaps }: Run, model: ModelId, untilMs: number) {
  return swaps.flatMap((swap, index) => {
    if (swap.load !== model || swap.drainedMs >= untilMs) return [];
    const next = swaps.slice(index + 1).find(({ evict }) => evict.includes(model));
    const toMs = Math.min(next?.drainedMs ?? untilMs, untilMs);
    const readyMs = Math.min(swap.readyMs, untilMs);
    return [
      { fromMs: swap.drainedMs, toMs: readyMs, isLoading: true },
      { fromMs: readyMs, toMs, isLoading: false },
    ];
  });
}

/** How many wait from each moment on at which that changes. */
function waitingOf({ jobs }: Run, model: ModelId, untilMs: number): readonly (readonly [number, number])[] {
  const changes = jobs
    .filter((job) => job.model === model && job.tMs < untilMs && waitOf(job) > 0)
    .flatMap((job) => [[job.tMs, 1] as const, [job.startedMs, -1] as const])
    .filter(([atMs]) => atMs < untilMs)
    .toSorted(([a], [b]) => a - b);
  let count = 0;
  return changes.map(([atMs, change]) => {
    count += change;
    return [atMs, count];
  });
}

function queuePath(run: Run, model: ModelId, untilMs: number, yOf: (waiting: number) => number): string {
  let y = round(yOf(0));
  const steps = waitingOf(run, model, untilMs).map(([atMs, count]) => {
    y = round(yOf(count));
    return `H${xOf(atMs, untilMs)}V${y}`;
  });
  return `M${left} ${round(yOf(0))}${steps.join('')}H${right}V${round(yOf(0))}Z`;
}

const mostWaiting = (panels: readonly Panel[], models: readonly ModelId[], untilMs: number): number =>
  Math.max(
    1,
    ...panels.flatMap(({ run }) =>
      models.flatMap((model) => waitingOf(run, model, untilMs).map(([, count]) => count)),
    ),
  );

/** Of the jobs that came within the time shown, however late they started. */
function factsOf({ jobs, swaps }: Run, untilMs: number): string {
  const came = jobs.filter(({ tMs }) => tMs < untilMs);
  const mean = came.reduce((sum, job) => sum + waitOf(job), 0) / Math.max(1, came.length);
  const longest = came.reduce((most, job) => Math.max(most, waitOf(job)), 0);
  const swapped = swaps.filter(({ decidedMs, evict }) => decidedMs < untilMs && evict.length > 0).length;
  return `${swapped} swaps, mean wait ${spanText(mean)}, longest ${spanText(longest)}.`;
}

const spanText = (ms: number): string =>
  ms < 5 * minuteMs ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / minuteMs)} min`;

function axis(y: number, untilMs: number): string {
  const everyMs = 10 * minuteMs;
  const ticks = Array.from({ length: Math.floor(untilMs / everyMs) + 1 }, (_, index) => index * everyMs);
  return ticks
    .map((atMs) => {
      const x = xOf(atMs, untilMs);
      const text = `<text class="small" x="${x}" y="${y + 22}" text-anchor="middle">${atMs / minuteMs} min</text>`;
      return `<line class="tick" x1="${x}" x2="${x}" y1="${y + 2}" y2="${y + 8}"/>${text}`;
    })
    .join('\n');
}

const legend = (y: number): string =>
  [
    `<rect x="${left}" y="${y - 11}" width="22" height="12" fill="${colours[0]}"/>`,
    `<text class="small" x="${left + 30}" y="${y}">on the GPU</text>`,
    `<rect class="loading" x="${left + 132}" y="${y - 11}" width="22" height="12"/>`,
    `<text class="small" x="${left + 162}" y="${y}">leaving and loading</text>`,
    `<rect x="${left + 312}" y="${y - 11}" width="22" height="12" fill="${colours[0]}" opacity="0.32"/>`,
    `<text class="small" x="${left + 342}" y="${y}">waiting jobs, one scale for all lanes</text>`,
    `<line class="swap" x1="${left + 585}" x2="${left + 585}" y1="${y - 13}" y2="${y + 3}" style="opacity: 1"/>`,
    `<text class="small" x="${left + 595}" y="${y}">a swap is decided</text>`,
  ].join('\n');

const xOf = (atMs: number, untilMs: number): number => round(left + (atMs / untilMs) * (right - left));
const round = (value: number): number => Math.round(value * 10) / 10;
