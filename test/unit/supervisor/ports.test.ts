import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogSource } from '../../../src/api/ports.ts';
import { asModelId } from '../../../src/contracts/ids.ts';
import type { ModelSpec } from '../../../src/contracts/model.ts';
import { HttpClient } from '../../../src/platform/http-client.ts';
import type { Service } from '../../../src/platform/service.ts';
import { noGpu } from '../../../src/supervisor/gpu-probe.ts';
import { ProcessTurntable } from '../../../src/supervisor/turntable.ts';
import type { Turntable } from '../../../src/worker/ports.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

function makeTurntable(models: ReadonlyMap<ReturnType<typeof asModelId>, ModelSpec>) {
  return new ProcessTurntable({
    models: () => models,
    projectDir: '/nowhere',
    runtimeDir: '/nowhere',
    logsDir: '/nowhere',
    instanceId: 'test',
    env: {},
    clock: new FakeClock(),
    emit: () => {},
    gpuProbe: noGpu,
    http: new HttpClient(),
  });
}

test('the turntable is what the worker and the API ask for; the compiler checks it', () => {
  const turntable = makeTurntable(new Map());
  const port: Turntable & Service = turntable;
  const logs: LogSource = { tail: (model, lines) => turntable.logTail(model, lines) };
  assert.equal(port.name, 'turntable');
  assert.ok(logs);
});

test('every model of the registry is shown, stopped, before anything was loaded', () => {
  const a = asModelId('a');
  const turntable = makeTurntable(new Map([[a, {} as ModelSpec]]));
  assert.deepEqual([...turntable.states().keys()], [a]);
  assert.equal(turntable.states().get(a)?.state, 'stopped');
});

test('a model that is not in the registry is not loaded', async () => {
  await assert.rejects(makeTurntable(new Map()).load(asModelId('a')), { code: 'model_not_found' });
});

test('unloading what was never loaded is nothing, and neither is stopping', async () => {
  const turntable = makeTurntable(new Map([[asModelId('a'), {} as ModelSpec]]));
  await turntable.unload(asModelId('a'), 'test');
  await turntable.stop(AbortSignal.abort());
});
