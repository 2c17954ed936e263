import type { ModelSpec } from '../contracts/model.ts';
import { formRules } from '../contracts/openai/forms.ts';
import { type ModelRequest, requestSchemaOf, requestSchemas } from '../contracts/openai/requests.ts';
import type { Registry } from '../contracts/registry.ts';
import type { Upload } from '../contracts/upload.ts';
import { type InlineFile, partFiles } from './inline-files.ts';
import { type Handling, handlingSchema } from './job-request.ts';
import { type AnswerShape, forServer, meant, shapeOf } from './media-call.ts';
import type { JsonBody } from './middleware/body.ts';
import { resolveModel } from './resolve-model.ts';
import { checkFiles } from './uploads.ts';
import { validate } from './validation.ts';

/** A checked request for one model, ready to become a job. */
export interface ModelCall {
  readonly spec: ModelSpec;
  readonly endpoint: string;
  /** For the model server: `model` is its id, our own fields and all files are gone. */
  readonly body: string;
  /** Files that came in the body; they are stored when the job is made. */
  readonly files: readonly InlineFile[];
  readonly stream: boolean;
  readonly shape: AnswerShape;
  readonly handling: Handling;
}

/** What else a request says. */
export interface CallFacts {
  /** Files of a form, stored already; null: it was JSON. */
  readonly files?: readonly Upload[] | null;
  readonly accept?: string | undefined;
  /** `output_format` of the query. */
  readonly format?: unknown;
}

const noHandling: Handling = {};
const noFiles: readonly InlineFile[] = [];

/**
 * Checks a body that a client sent to a model's endpoint.
 * @throws every 400 and 404 of a request, with `param`
 */
export function planCall(
  registry: Registry,
  asked: string,
  sent: JsonBody,
  facts: CallFacts = {},
): ModelCall {
  const { endpoint, body: whole } = meant(asked, sent, facts.format);
  const { body, files } = withoutFiles(endpoint, whole, facts.files ?? null);
  const request = validate(requestSchemaOf(endpoint), body.value);
  const spec = resolveModel(registry, endpoint, request.model);
  const ours = isOpenAi(endpoint) ? ownFields(request) : [];
  return {
    spec,
    endpoint,
    body: bodyFor(spec, endpoint, body, ours, facts.accept),
    files,
    stream: request.stream === true && spec.type !== 'speech',
    shape: shapeOf(asked, endpoint, request, facts.accept),
    handling: ours.length === 0 ? noHandling : validate(handlingSchema, pick(body.value, ours)),
  };
}

/** The values of a body, and the files in it, of which those that must be there are. */
export function withoutFiles(
  endpoint: string,
  body: JsonBody,
  stored: readonly Upload[] | null,
  prefix = '',
): { readonly body: JsonBody; readonly files: readonly InlineFile[] } {
  const rules = formRules.get(endpoint);
  if (rules === undefined) return { body, files: noFiles };
  const { values, files } =
    stored === null ? partFiles(rules, body.value, prefix) : { values: body.value, files: noFiles };
  checkFiles(rules, stored ?? files, prefix);
  return { body: { text: JSON.stringify(values), value: values }, files };
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
  accept: string | undefined,
): string {
  const isRight = value.model === spec.id || !namesModel(endpoint, value);
  const changes = forServer(endpoint, value, accept);
  if (isRight && ours.length === 0 && changes === null) return text;
  const body: Record<string, unknown> = { ...value, model: spec.id, ...changes };
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
  const { stream, stream_options: _, partial_images: __, ...rest } = body;
  return stream === undefined ? rest : { ...rest, stream: false };
}

const pick = (value: Readonly<Record<string, unknown>>, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, value[name]]));
