import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { errors } from '../contracts/error-catalogue.ts';
import { requestSchemas } from '../contracts/openai/requests.ts';
import type { Api } from './dependencies.ts';
import { authenticate } from './middleware/authenticate.ts';
import { errorResponse } from './middleware/error-response.ts';
import { requestContext } from './middleware/request-context.ts';
import { endpointOf } from './resolve-model.ts';
import { actOnModel, getHistory, getLogs, type ModelAction } from './routes/admin.ts';
import { getContent, getSignedContent, isSigned } from './routes/content.ts';
import { getHealth, getReady } from './routes/health.ts';
import { cancelJob, createJob, getJob, listJobs } from './routes/jobs.ts';
import { getModel, listModels, listQueues } from './routes/models.ts';
import { callModel } from './routes/openai.ts';

type Handler = (api: Api, request: Request, response: Response) => void | Promise<void>;

/** The whole HTTP surface, most used first. */
export function createApp(api: Api): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(requestContext);
  mount(app, api, ['/health'], { get: getHealth });
  mount(app, api, ['/ready'], { get: getReady });
  app.use((request: Request, response: Response, next: NextFunction) =>
    isSigned(request) ? getSignedContent(api, request, response, next) : next(),
  );
  app.use(authenticate(api.keys));
  app.use((_request: Request, response: Response, next: NextFunction) =>
    refuseWhileStopping(api, response, next),
  );
  for (const endpoint of requestSchemas.keys()) {
    mount(app, api, bothWays(endpoint), { post: (_, ...rest) => callModel(api, endpoint, ...rest) });
  }
  mountJobs(app, api);
  mountModels(app, api);
  app.use((request: Request, response: Response) => callCustomEndpoint(api, request, response));
  app.use(errorResponse(api.emit));
  return app;
}

function mountJobs(app: Express, api: Api): void {
  mount(app, api, ['/jobs', '/v1/jobs'], { get: listJobs, post: createJob });
  mount(app, api, ['/jobs/:id', '/v1/jobs/:id'], { get: getJob });
  mount(app, api, ['/jobs/:id/cancel', '/v1/jobs/:id/cancel'], { post: cancelJob });
  mount(app, api, ['/jobs/:id/content{/:index}', '/v1/jobs/:id/content{/:index}'], { get: getContent });
}

function mountModels(app: Express, api: Api): void {
  mount(app, api, bothWays('/v1/models'), { get: listModels });
  mount(app, api, bothWays('/v1/models/*model'), { get: getModel });
  mount(app, api, bothWays('/v1/queue'), { get: listQueues });
  mount(app, api, ['/admin/history'], { get: getHistory });
  mount(app, api, ['/admin/models/*model/logs'], { get: getLogs });
  for (const action of ['load', 'unload', 'pause', 'resume'] as const satisfies readonly ModelAction[]) {
    mount(app, api, [`/admin/models/*model/${action}`], {
      post: (_, ...rest) => actOnModel(api, action, ...rest),
    });
  }
}

/** OpenAI's paths also work under a base URL without `/v1`. */
const bothWays = (path: string): string[] => [path, path.slice('/v1'.length)];

function mount(app: Express, api: Api, paths: string[], handlers: { get?: Handler; post?: Handler }): void {
  const route = app.route(paths);
  const { get, post } = handlers;
  if (get) route.get((request, response) => get(api, request, response));
  if (post) route.post((request, response) => post(api, request, response));
  const allow = [...(get ? ['GET', 'HEAD'] : []), ...(post ? ['POST'] : [])];
  route.all((request) => {
    throw errors.methodNotAllowed(request.method, request.path, allow);
  });
}

/** The paths of the models file that are not OpenAI's. */
function callCustomEndpoint(api: Api, request: Request, response: Response): Promise<void> {
  const { method, path } = request;
  const endpoint = endpointOf(api.registry(), path);
  if (endpoint === null) throw errors.unknownUrl(method, path.slice(0, 200));
  if (method !== 'POST') throw errors.methodNotAllowed(method, path, ['POST']);
  return callModel(api, endpoint, request, response);
}

function refuseWhileStopping({ liveJobs }: Api, response: Response, next: NextFunction): void {
  if (liveJobs.isStopping) {
    response.setHeader('connection', 'close');
    throw errors.shuttingDown();
  }
  next();
}
