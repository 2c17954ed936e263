import type { ModelSpec } from '../contracts/model.ts';
import { type ModelRequest, requestSchemaOf, requestSchemas } from '../contracts/openai/requests.ts';
import type { Registry } from '../contracts/registry.ts';
import { type Handling, handlingSchema } from './job-request.ts';
import type { JsonBody } from './middleware/body.ts';
import { resolveModel } from './resolve-model.ts';
import { validate } from './validation.ts';

/** A checked request for one model, ready to become a job. */
export interface ModelCall {
  readonly spec: ModelSpec;
  readonly endpoint: string;
  /** For the model server: `model` is its id, our own fields are gone. */
  readonly body: string;
  readonly stream: boolean;
  readonly handling: Handling;
}

const noHandling: Handling = {};

/**
 * Checks a body that a client sent to a model's endpoint.
 * @throws every 400 and 404 of a request, with `param`
 */
export function planCall(registry: Registry, endpoint: string, body: JsonBody): ModelCall {
  const request = validate(requestSchemaOf(endpoint), body.value);
  const spec = resolveModel(registry, endpoint, request.model);
  const ours = isOpenAi(endpoint) ? ownFields(request) : [];
  return {
    spec,
    endpoint,
    body: bodyFor(spec, endpoint, body, ours),
    stream: request.stream === true && spec.type !== 'speech',
    handling: ours.length === 0 ? noHandling : validate(handlingSchema, pick(body.value, ours)),
  };
}

/** The body of a custom endpoint is its service's own affair: only a name in `model` is made the id. */
export const namesModel = (endpoint: string, { model }: Readonly<Record<string, unknown>>): boolean =>
  isOpenAi(endpoint) || model !== undefined;

const isOpenAi = (endpoint: string): boolean => requestSchemas.has(endpoint);

const handlingNames = ['webhook', 'webhook_events_filter', 'policy'] as const;

/** Names of the fields that speak to us and not to the model. A number as `priority` is the model server's own. */
function ownFields(request: ModelRequest): readonly string[] {
  const names: string[] = handlingNames.filter((name) => request[name] !== undefined);
  if (typeof request.priority === 'string') names.push('priority');
  return names;
}

/** The client's own text wherever it can stay as it is. */
function bodyFor(
  spec: ModelSpec,
  endpoint: string,
  { text, value }: JsonBody,
  ours: readonly string[],
): string {
  const isRight = value.model === spec.id || !namesModel(endpoint, value);
  if (isRight && ours.length === 0) return text;
  const body: Record<string, unknown> = { ...value, model: spec.id };
  for (const name of ours) delete body[name];
  return JSON.stringify(body);
}

/** The same call as a job whose result is stored: one JSON instead of a stream. */
export function forStorage(call: ModelCall): ModelCall {
  if (!call.stream) return call;
  const body = withoutStream(JSON.parse(call.body) as Record<string, unknown>);
  return { ...call, stream: false, body: JSON.stringify(body) };
}

/** The body of a call that is stored: one JSON is wanted, no events. */
export function withoutStream(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { stream, stream_options: _, ...rest } = body;
  return stream === undefined ? rest : { ...rest, stream: false };
}

const pick = (value: Readonly<Record<string, unknown>>, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, value[name]]));
