/** A process that owns a turntable with one server, to be killed: node owner.ts DIR INSTANCE HABIT */
import { join } from 'node:path';
import type { ModelSpec } from '../../../src/contracts/model.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { HttpClient } from '../../../src/platform/http-client.ts';
import { noGpu } from '../../../src/supervisor/gpu-probe.ts';
import { ProcessTurntable } from '../../../src/supervisor/turntable.ts';
import { model, specOf } from './turntable-box.ts';

const [dir = '', instanceId = '', habit = ''] = process.argv.slice(2);
const a = model('a');
const models = new Map<typeof a, ModelSpec>([[a, specOf('a', { habit }, join(dir, 'ledger'))]]);
const turntable = new ProcessTurntable({
  models: () => models,
  projectDir: join(import.meta.dirname, '..', '..', '..'),
  runtimeDir: join(dir, 'run'),
  logsDir: join(dir, 'logs'),
  instanceId,
  env: { PATH: process.env.PATH },
  clock: systemClock,
  emit: (event) => console.log(JSON.stringify(event)),
  gpuProbe: noGpu,
  http: new HttpClient(),
});
await turntable.start();
await turntable.load(a);
