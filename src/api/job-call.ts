import { errors } from '../contracts/error-catalogue.ts';
import { requestSchemaOf } from '../contracts/openai/requests.ts';
import type { Registry } from '../contracts/registry.ts';
import { jobRequestSchema } from './job-request.ts';
import { forServer, meant, soundEndpoint } from './media-call.ts';
import type { JsonBody } from './middleware/body.ts';
import { type ModelCall, namesModel, withoutFiles, withoutStream } from './model-call.ts';
import { findModel, resolveModel } from './resolve-model.ts';
import { validate } from './validation.ts';

export interface JobCall extends ModelCall {
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Checks the body of `POST /jobs`, its `input` by the rules of the endpoint.
 * @throws every 400 and 404 of a request, with `param`
 */
export function planJob(registry: Registry, { value }: JsonBody): JobCall {
  const request = validate(jobRequestSchema, value);
  const { endpoint: asked = null, input: given } = request;
  const sent = { text: '', value: given };
  const { endpoint, body } =
    asked === null ? { endpoint: null, body: sent } : meant(asked, sent, undefined, ['input']);
  const { spec, endpoint: path } = resolve(registry, endpoint, request.model ?? modelOf(asked, body));
  const parted = withoutFiles(path, body, null, 'input.');
  validate(requestSchemaOf(path), parted.body.value, ['input']);
  const input = withoutStream({ ...parted.body.value, ...forServer(path, parted.body.value) });
  const { webhook, webhook_events_filter, policy, priority } = request;
  return {
    spec,
    endpoint: path,
    body: JSON.stringify(namesModel(path, input) ? { ...input, model: spec.id } : input),
    files: parted.files,
    stream: false,
    shape: 'url',
    handling: { webhook, webhook_events_filter, policy, priority },
    metadata: request.metadata ?? {},
  };
}

/** ElevenLabs' clients name the model beside the text. */
const modelOf = (asked: string | null, { value }: JsonBody): string | undefined =>
  asked === soundEndpoint && typeof value.model === 'string' ? value.model : undefined;

function resolve(registry: Registry, endpoint: string | null, model: string | undefined) {
  if (endpoint !== null) return { spec: resolveModel(registry, endpoint, model), endpoint };
  if (model === undefined) throw errors.missingParameter('model');
  const spec = findModel(registry, model);
  const [first] = spec.endpoints;
  if (first === undefined) throw errors.internal(new Error(`model ${spec.id} has no endpoint`));
  return { spec, endpoint: first };
}
