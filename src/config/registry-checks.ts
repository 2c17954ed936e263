import type { PathProblem } from './shape-problems.ts';
import type { SoundFile, SoundModel } from './sound-part.ts';

type Entry = readonly [id: string, model: SoundModel];

/** What only shows when models are seen together; each check is a pure function of the file. */
export function contradictions({ models, vramGb }: SoundFile): PathProblem[] {
  if (models === null) return [];
  return [
    ...(models.length === 0 ? [noModels] : []),
    ...models.flatMap(([id, model]) => [...illegalId(id), ...reservedEndpoints(id, model)]),
    ...models.flatMap(([id, model]) => crossedDeadlines(id, model)),
    ...clashes(models, ([, { port }]) => (port ? [port] : []), portClash),
    ...clashes(models, defaultEndpoints, defaultClash),
    ...nameClashes(models),
    ...tooBig(models, vramGb),
    ...pinnedTooMany(models, vramGb),
  ];
}

const noModels: PathProblem = {
  path: ['models'],
  what: '"models" has no model in it.',
  fix: 'Copy one from models.cpu.yaml.',
};

/** Ids stand in file names and in Redis keys. */
function illegalId(id: string): PathProblem[] {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(id)) return [];
  const safe = id.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '').replace(/[^A-Za-z0-9._-]+/g, '-');
  return [
    {
      path: ['models', id],
      what: `"${id}" is no model id: letters, digits, ".", "_" and "-", at most 64.`,
      fix: `Call it "${safe.slice(0, 64) || 'my-model'}" and put "${id}" under its aliases.`,
    },
  ];
}

const reserved = [
  '/jobs',
  '/health',
  '/ready',
  '/admin',
  '/v1/models',
  '/v1/queue',
  '/metrics',
  '/artifacts',
];

function reservedEndpoints(id: string, { endpoint }: SoundModel): PathProblem[] {
  const isReserved = (path: string) =>
    reserved.some((taken) => path === taken || path.startsWith(`${taken}/`));
  return [endpoint ?? []]
    .flat()
    .filter(isReserved)
    .map((path) => ({
      path: ['models', id, 'endpoint'],
      what: `model "${id}": ${path} is one of Roundhouse's own paths.`,
      fix: `Choose another, for example /v1/${id}/generate.`,
    }));
}

function crossedDeadlines(id: string, { deadlines }: SoundModel): PathProblem[] {
  const { load_stall: stall, load_total: total } = deadlines ?? {};
  if (stall === undefined || total === undefined || stall <= total) return [];
  return [
    {
      path: ['models', id, 'deadlines', 'load_stall'],
      what: `model "${id}": load_stall (${stall} s) is over load_total (${total} s) and could never be reached.`,
      fix: 'Raise load_total or lower load_stall.',
    },
  ];
}

function clashes<Value>(
  models: readonly Entry[],
  valuesOf: (entry: Entry) => readonly Value[],
  describe: (id: string, first: string, value: Value, taken: ReadonlySet<Value>) => PathProblem,
): PathProblem[] {
  const owners = new Map<Value, string>();
  const pairs = models.flatMap((entry) => valuesOf(entry).map((value) => [entry[0], value] as const));
  const taken = new Set(pairs.map(([, value]) => value));
  return pairs.flatMap(([id, value]) => {
    const first = owners.get(value);
    if (first !== undefined && first !== id) return [describe(id, first, value, taken)];
    owners.set(value, id);
    return [];
  });
}

function portClash(id: string, first: string, port: number, taken: ReadonlySet<number>): PathProblem {
  let free = port;
  while (taken.has(free)) free++;
  return {
    path: ['models', id, 'port'],
    what: `model "${id}": port ${port} is already the one of "${first}".`,
    fix: `Write: port: ${free}, or remove the line for a Unix socket.`,
  };
}

const defaultEndpoints = ([, { default: isDefault, endpoint }]: Entry) =>
  isDefault ? [endpoint ?? []].flat() : [];

const defaultClash = (id: string, first: string, endpoint: string): PathProblem => ({
  path: ['models', id, 'default'],
  what: `model "${id}": "${first}" is already the default of ${endpoint}.`,
  fix: 'Remove "default: true" from one of the two.',
});

function nameClashes(models: readonly Entry[]): PathProblem[] {
  const owners = new Map<string, string>(models.map(([id]) => [id, id]));
  return models.flatMap(([id, { aliases = [] }]) =>
    aliases.flatMap((alias, index): PathProblem[] => {
      const owner = owners.get(alias);
      owners.set(alias, owner ?? id);
      if (owner === undefined) return [];
      const what =
        owner === alias
          ? `is the id of ${owner === id ? 'this' : 'a'} model`
          : `belongs to "${owner}" already`;
      return [
        {
          path: ['models', id, 'aliases', index],
          what: `model "${id}": the alias "${alias}" ${what}.`,
          fix: 'A name means one model: remove it here or there.',
        },
      ];
    }),
  );
}

function tooBig(models: readonly Entry[], boxGb: number): PathProblem[] {
  if (boxGb === 0) return [];
  return models
    .filter(([, { vram_gb: needGb = 0 }]) => needGb > boxGb)
    .map(([id, { vram_gb: needGb }]) => ({
      path: ['models', id, 'vram_gb'],
      what: `model "${id}": it needs ${needGb} GB, and the box has ${boxGb} GB ("vram_gb" at the top).`,
      fix: 'Choose a smaller or quantised variant, or correct the figure that is wrong.',
    }));
}

function pinnedTooMany(models: readonly Entry[], boxGb: number): PathProblem[] {
  const pinned = models.filter(([, model]) => model.pinned);
  const sumGb = pinned.reduce((sum, [, { vram_gb: needGb = 0 }]) => sum + needGb, 0);
  const fits = boxGb === 0 ? pinned.length <= 1 : sumGb <= boxGb;
  const [id] = pinned.at(-1) ?? [];
  if (fits || id === undefined) return [];
  const room =
    boxGb === 0 ? 'one model is resident at a time' : `the box has ${boxGb} GB, they need ${sumGb}`;
  return [
    {
      path: ['models', id, 'pinned'],
      what: `model "${id}": ${pinned.length} models are pinned, and ${room}: the last could never load.`,
      fix: 'Remove "pinned: true" from all but those that fit together.',
    },
  ];
}

/** What may be meant, and is worth a word. */
export function oddities({ models, vramGb }: SoundFile): PathProblem[] {
  if (models === null) return [];
  return [
    ...models.flatMap(([id, model]) => weightless(id, model, vramGb)),
    ...(models.length > 1 ? models.flatMap(([id, model]) => crowdsOut(id, model, vramGb)) : []),
  ];
}

function weightless(id: string, { type, vram_gb: needGb = 0 }: SoundModel, boxGb: number): PathProblem[] {
  if (boxGb === 0 || needGb > 0 || type === undefined) return [];
  return [
    {
      path: ['models', id],
      what: `model "${id}" names no vram_gb, so it counts as needing none and is never evicted to make room.`,
      fix: 'Write for example: vram_gb: 6',
    },
  ];
}

function crowdsOut(id: string, { pinned = false }: SoundModel, boxGb: number): PathProblem[] {
  if (!pinned || boxGb > 0) return [];
  return [
    {
      path: ['models', id, 'pinned'],
      what: `model "${id}" is pinned where one model is resident at a time: once it is loaded, no other runs.`,
      fix: 'Remove "pinned: true", or set "vram_gb" at the top so that several fit.',
    },
  ];
}
