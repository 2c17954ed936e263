import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { z } from 'zod';
import { ApiBox } from '../../fakes/api-box.ts';

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

const { $defs } = JSON.parse(
  readFileSync(new URL('../../fixtures/openai/api.json', import.meta.url), 'utf8'),
) as { $defs: Record<string, object> };

/** A schema of OpenAI's own document. */
const schemaOf = (name: string): z.ZodType =>
  z.fromJSONSchema({ $ref: `#/$defs/${name}`, $defs } as JsonSchema);

test('models are listed and shown as the OpenAI document says', async () => {
  await using box = await ApiBox.open();
  schemaOf('ListModelsResponse').parse(await (await box.fetch('/v1/models')).json());
  schemaOf('Model').parse(await (await box.fetch('/v1/models/acme/echo')).json());
});

test('every kind of refusal is an ErrorResponse of the OpenAI document', async () => {
  await using box = await ApiBox.open();
  const refusals = [
    fetch(`${box.url}/v1/models`),
    box.post('/v1/chat/completions', {}),
    box.post('/v1/chat/completions', { model: 'nope', messages: [{ role: 'user', content: 'x' }] }),
    box.fetch('/v1/chat/completions', { method: 'POST', body: '{' }),
    box.fetch('/v1/chat/completions'),
    box.fetch('/nowhere'),
    box.fetch('/jobs/job_x'),
  ];
  for (const response of await Promise.all(refusals)) {
    assert.ok(response.status >= 400);
    schemaOf('ErrorResponse').parse(await response.json());
  }
  box.board.hasWorker = false;
  schemaOf('ErrorResponse').parse(await (await fetch(`${box.url}/ready`)).json());
});

test('the check sees what is missing', () => {
  assert.throws(() => schemaOf('ErrorResponse').parse({ error: { message: 'x', type: 'x', code: 'x' } }));
  assert.throws(() => schemaOf('Model').parse({ id: 'x', object: 'model', owned_by: 'x' }));
});
