import { admissionDefaults } from '../../src/config/defaults.ts';
import type { AdmissionWindow } from '../../src/contracts/admission-window.ts';
import { collate } from './policies/collate.ts';
import { fifo } from './policies/fifo.ts';
import { lru } from './policies/lru.ts';
import type { MakePolicy } from './policies/policy.ts';
import { type RentOptions, rent } from './policies/rent.ts';
import { type Run, simulate } from './simulate.ts';
import type { Trace } from './trace.ts';

/** What may be compared on a trace: a policy, and under which circumstances. */
export interface Variant {
  readonly what: string;
  /** Whether it is run on a trace when nothing else is asked for. */
  readonly suits: (trace: Trace) => boolean;
  readonly run: (trace: Trace) => Run;
}

const always = () => true;
const whenAskedFor = () => false;
const hasKeys = ({ jobs }: Trace) => jobs.some(({ key }) => key !== null);
const severalFit = ({ vram, gpus }: Trace) => vram > 0 || gpus > 1;
const isOneOf =
  (...names: readonly string[]) =>
  ({ name }: Trace) =>
    names.includes(name);

const plain =
  (make: MakePolicy, window: AdmissionWindow | null = null) =>
  (trace: Trace) =>
    simulate(trace, make(trace), { window });
const shipped = (options: RentOptions = {}) => plain((trace) => rent(trace, options), admissionDefaults);
const priorsOff = (factor: number) => shipped({ priors: { service: factor, load: factor } });
const ofOneKey = (trace: Trace): Trace => ({
  ...trace,
  jobs: trace.jobs.map((job) => ({ ...job, key: 'one' })),
});

const learningTraces = isOneOf('mixed3', 'zipf8', 'mixed3-s', 'zipf8-s');

export const variants: Readonly<Record<string, Variant>> = {
  fifo: { what: 'in order of arrival', suits: always, run: plain(fifo) },
  collate: {
    what: "llama-swap's from version 218 on: stay while there is anything to do",
    suits: (trace) => !severalFit(trace),
    run: plain(collate),
  },
  lru: { what: 'where several fit: evict what was unused for longest', suits: severalFit, run: plain(lru) },
  rent: { what: 'what ships', suits: always, run: shipped() },
  'rent-no-window': {
    what: 'RENT without the admission window between keys',
    suits: hasKeys,
    run: plain(rent),
  },
  'rent-one-key': {
    what: 'what ships, where one key does everything',
    suits: isOneOf('mixed3', 'zipf8', 'abab', 'flood', 'starver', 'zipf8-s'),
    run: (trace) => shipped()(ofOneKey(trace)),
  },
  'rent-fairer': {
    what: 'RENT turned towards fairness, as in docs/SCHEDULING.md',
    suits: whenAskedFor,
    run: shipped({ params: { phi: 1, kappa: [1, 2, 4], maxWait: [120_000, 600_000, 3_600_000] } }),
  },
  'rent-fewer-swaps': {
    what: 'RENT turned towards throughput, as in docs/SCHEDULING.md',
    suits: whenAskedFor,
    run: shipped({ params: { phi: 3, kappa: [4, 8, 16], beta: 1 } }),
  },
  'rent-priors-0.3': {
    what: 'what ships, all priors 0.3 times the truth',
    suits: learningTraces,
    run: priorsOff(0.3),
  },
  'rent-priors-3': {
    what: 'what ships, all priors 3 times the truth',
    suits: learningTraces,
    run: priorsOff(3),
  },
};
