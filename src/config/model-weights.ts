import type { ModelId } from '../contracts/ids.ts';
import type { ModelSpec } from '../contracts/model.ts';
import type { RepositoryArg, ServiceWeights } from './service-weights.ts';

/** A repository of the hub as gpu-services/downloads/request.py takes it. */
export interface WantedRepository {
  readonly repo: string;
  readonly revision: string | null;
  readonly variant: string | null;
  /** The only files of weights that are wanted; empty: as the repository is made. */
  readonly weights: readonly string[];
  /** Patterns of files that are taken although they are no safetensors. */
  readonly allow: readonly string[];
  readonly models: readonly ModelId[];
}

export interface ModelWeights {
  readonly model: ModelId;
  readonly repositories: readonly WantedRepository[];
  /** Where else its weights come from, in words; null: from the repositories alone. */
  readonly elsewhere: string | null;
}

type Named = Readonly<Record<string, unknown>>;

/** What a model needs of the hub. Pure: `isPath` looks at the disk. */
export function weightsOf(
  spec: ModelSpec,
  service: ServiceWeights | null,
  isPath: (path: string) => boolean,
): ModelWeights {
  const { id: model, args } = spec;
  if (service === null) return { model, repositories: [], elsewhere: 'its service brings them' };
  const allow = [...(service.formats ?? []), ...spec.allowWeights];
  const named = service.repositories.flatMap((arg) => placesOf(arg, args).map((place) => ({ arg, place })));
  const found = named.map(({ arg, place }) => ({ arg, place, name: textIn(place, arg.arg) ?? arg.default }));
  const repositories = found.flatMap(({ arg, place, name }) =>
    name !== undefined && isHubId(name, isPath) ? [wanted(spec, arg, place, name, allow)] : [],
  );
  const others = found.flatMap(({ name }) => (name === undefined || isHubId(name, isPath) ? [] : [name]));
  return { model, repositories, elsewhere: others.length > 0 ? others.map(inWords).join(', ') : null };
}

function wanted(
  { id }: ModelSpec,
  arg: RepositoryArg,
  place: Named,
  repo: string,
  allow: readonly string[],
): WantedRepository {
  const file = textIn(place, arg.file);
  return {
    repo,
    revision: textIn(place, arg.revision) ?? null,
    variant: textIn(place, arg.variant) ?? null,
    weights: file === undefined ? [] : [file],
    allow,
    models: [id],
  };
}

/** The maps in which the arg may stand: `args` itself, or the entries of a list in it. */
function placesOf({ in: list }: RepositoryArg, args: Named): readonly Named[] {
  if (list === undefined) return [args];
  const entries = args[list];
  const isMap = (entry: unknown): entry is Named => typeof entry === 'object' && entry !== null;
  return Array.isArray(entries) ? entries.filter(isMap) : [];
}

function textIn(place: Named, name: string | undefined): string | undefined {
  const value = name === undefined ? undefined : place[name];
  return typeof value === 'string' ? value : undefined;
}

const isHubId = (name: string, isPath: (path: string) => boolean): boolean =>
  /^[A-Za-z0-9][\w.-]*\/[\w.-]+$/.test(name) && !/\.(gguf|onnx|safetensors)$/.test(name) && !isPath(name);

const inWords = (name: string): string =>
  /^[~./]|\//.test(name) ? `the path ${name}` : `the package ${name}`;
