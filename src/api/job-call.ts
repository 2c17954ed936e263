import { errors } from '../contracts/error-catalogue.ts';
import { requestSchemaOf } from '../contracts/openai/requests.ts';
import type { Registry } from '../contracts/registry.ts';
import { type JobRequest, jobRequestSchema } from './job-request.ts';
import type { JsonBody } from './middleware/body.ts';
import { type ModelCall, namesModel, withoutStream } from './model-call.ts';
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
  const { spec, endpoint } = resolve(registry, request);
  const { webhook, webhook_events_filter, policy, priority } = request;
  validate(requestSchemaOf(endpoint), request.input, ['input']);
  const input = withoutStream(request.input);
  return {
    spec,
    endpoint,
    body: JSON.stringify(namesModel(endpoint, input) ? { ...input, model: spec.id } : input),
    stream: false,
    handling: { webhook, webhook_events_filter, policy, priority },
    metadata: request.metadata ?? {},
  };
}

function resolve(registry: Registry, { model, endpoint }: JobRequest) {
  if (endpoint !== undefined) return { spec: resolveModel(registry, endpoint, model), endpoint };
  if (model === undefined) throw errors.missingParameter('model');
  const spec = findModel(registry, model);
  const [first] = spec.endpoints;
  if (first === undefined) throw errors.internal(new Error(`model ${spec.id} has no endpoint`));
  return { spec, endpoint: first };
}
