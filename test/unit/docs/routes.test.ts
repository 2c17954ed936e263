import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createApp } from '../../../src/api/app.ts';
import type { Api } from '../../../src/api/dependencies.ts';
import { projectDir } from '../../helpers/orchestrator.ts';

interface Route {
  readonly method: string;
  /** All paths of one route; the first is the one to document. */
  readonly paths: readonly string[];
}

const routes = registered();

test('docs/API.md names every route, and no other', () => {
  const known = routes.map(({ method, paths }) => `${method} ${asDocumented(paths[0] ?? '')}`);
  assert.deepEqual([...documented()].sort(), known.sort());
});

test('each route has the second path that docs/API.md promises: with or without /v1', () => {
  for (const { paths } of routes) {
    const [first = '', ...others] = paths;
    const promised = first.startsWith('/v1/')
      ? [first.slice(3)]
      : first.startsWith('/jobs')
        ? [`/v1${first}`]
        : [];
    assert.deepEqual(others, promised, first);
  }
});

function registered(): Route[] {
  const app = createApp({ keys: [], emit: () => {} } as unknown as Api);
  return app.router.stack.flatMap(({ route }) => {
    if (!route) return [];
    const methods = new Set(route.stack.map(({ method }) => method).filter((method) => method !== undefined));
    return [...methods].map((method) => ({ method: method.toUpperCase(), paths: [route.path].flat() }));
  });
}

/** `GET /path` and `POST /path` in code spans, without their queries. */
function documented(): Set<string> {
  const text = readFileSync(join(projectDir, 'docs/API.md'), 'utf8');
  const spans = text.matchAll(/`(GET|POST|PUT|DELETE|PATCH) (\/[^`\s?]*)[^`]*`/g);
  return new Set([...spans].map(([, method, path]) => `${method} ${path}`));
}

/** `/files/*name{/:index}` -> `/files/:name[/:index]` */
const asDocumented = (path: string): string =>
  path.replaceAll('*', ':').replaceAll('{', '[').replaceAll('}', ']');
