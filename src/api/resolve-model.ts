import { errors } from '../contracts/error-catalogue.ts';
import type { ModelSpec } from '../contracts/model.ts';
import { requestSchemas } from '../contracts/openai/requests.ts';
import type { Registry } from '../contracts/registry.ts';

/**
 * The model that a request means: by its name or alias, else the default of the endpoint.
 * @throws model_not_found, unsupported_endpoint, missing_required_parameter
 */
export function resolveModel(registry: Registry, endpoint: string, name: string | undefined): ModelSpec {
  if (name !== undefined) {
    const spec = findModel(registry, name);
    if (!spec.endpoints.includes(endpoint)) throw errors.unsupportedEndpoint(name, endpoint, spec.endpoints);
    return spec;
  }
  const id = registry.defaults.get(endpoint);
  const spec = id === undefined ? undefined : registry.models.get(id);
  if (spec === undefined) throw errors.missingParameter('model');
  return spec;
}

/**
 * By id or alias.
 * @throws model_not_found
 */
export function findModel(registry: Registry, name: string): ModelSpec {
  const id = registry.names.get(name);
  const spec = id === undefined ? undefined : registry.models.get(id);
  if (spec === undefined) throw errors.modelNotFound(name.slice(0, 200), [...registry.models.keys()]);
  return spec;
}

/** The endpoint that a path means, with or without `/v1`; null: no model serves such a path, nor does OpenAI. */
export function endpointOf(registry: Registry, path: string): string | null {
  const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  for (const candidate of [plain, `/v1${plain}`]) {
    if (requestSchemas.has(candidate) || isServed(registry, candidate)) return candidate;
  }
  return null;
}

function isServed(registry: Registry, endpoint: string): boolean {
  if (registry.defaults.has(endpoint)) return true;
  for (const { endpoints } of registry.models.values()) if (endpoints.includes(endpoint)) return true;
  return false;
}
