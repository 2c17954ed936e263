import fc from 'fast-check';

const { ROUNDHOUSE_FUZZ_SEED: seed = '1', ROUNDHOUSE_FUZZ_TIMES: times = '1' } = process.env;

/** How often a property is tried, given how often in a usual run. */
export const runs = (usual: number): { readonly numRuns: number } => ({ numRuns: usual * Number(times) });

/**
 * The same cases in every run, so that a failure is due to a change. `npm run test:fuzz` draws others, and more; a
 * counterexample comes with its seed.
 */
fc.configureGlobal({ ...(seed === 'any' ? {} : { seed: Number(seed) }), ...runs(100) });

export { fc };
