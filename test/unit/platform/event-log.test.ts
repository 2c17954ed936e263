import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RoundhouseEvent } from '../../../src/contracts/events.ts';
import { asJobId, asModelId } from '../../../src/contracts/ids.ts';
import { createEventLog } from '../../../src/platform/event-log.ts';
import { createLogger } from '../../../src/platform/logger.ts';

type Line = Record<string, unknown>;

function log(level = 'info') {
  const lines: string[] = [];
  const logger = createLogger({ level, write: (line) => void lines.push(line) });
  return { logger, emit: createEventLog(logger), lines: () => lines.map((line) => JSON.parse(line) as Line) };
}

const jobId = asJobId('job_01K000000000000000000000AA');
const model = asModelId('m');
const settled = (status: 'completed' | 'failed'): RoundhouseEvent => ({
  type: 'job.settled',
  jobId,
  model,
  status,
  attempt: 1,
  runMs: 1234,
  code: status === 'failed' ? 'model_error' : null,
});

test('an event is one line of JSON with its facts, its level and a sentence', () => {
  const { emit, lines } = log();
  emit(settled('completed'));
  const [{ time, ...line } = {}] = lines();
  assert.match(String(time), /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.deepEqual(line, {
    level: 'info',
    ...settled('completed'),
    msg: `${jobId} on m is completed after 1.2 s, attempt 1`,
  });
});

test('what went wrong is a warning and says why', () => {
  const { emit, lines } = log();
  emit(settled('failed'));
  assert.equal(lines()[0]?.level, 'warn');
  assert.match(String(lines()[0]?.msg), /failed .*: model_error$/);
});

test('a fault keeps its own message beside the sentence', () => {
  const { emit, lines } = log();
  emit({ type: 'system.fault', where: 'janitor', message: 'boom' });
  assert.equal(lines()[0]?.level, 'error');
  assert.equal(lines()[0]?.message, 'boom');
  assert.equal(lines()[0]?.msg, 'janitor: boom');
});

test('an address of IPv6 is shown as a URL', () => {
  const { emit, lines } = log();
  emit({ type: 'http.listening', host: '::1', port: 9000, role: 'all' });
  assert.equal(lines()[0]?.msg, 'Listening on http://[::1]:9000 (role all)');
});

test('lines below the level are not written', () => {
  const { emit, lines } = log('warn');
  emit(settled('completed'));
  emit(settled('failed'));
  assert.equal(lines().length, 1);
  const silent = log('silent');
  silent.emit(settled('failed'));
  assert.deepEqual(silent.lines(), []);
});

test('a log that cannot be written, or an event that makes no sense, stops nobody', () => {
  const logger = createLogger({
    write: () => {
      throw new Error('disk full');
    },
  });
  createEventLog(logger)(settled('failed'));
  log().emit({ type: 'no.such' } as unknown as RoundhouseEvent);
});

test('secrets and prompts are blanked, wherever they are found', () => {
  const { logger, lines } = log();
  logger.info(
    {
      key: 'rh_1',
      request: { headers: { authorization: 'Bearer rh_1', 'x-api-key': 'rh_1', accept: 'text/plain' } },
      job: { prompt: 'my secret', messages: [{ content: 'my secret' }] },
    },
    'hello',
  );
  const text = JSON.stringify(lines());
  assert.doesNotMatch(text, /rh_1|my secret/);
  assert.match(text, /text\/plain/);
});

test('a line for eyes begins with the time and ends with the sentence', () => {
  const lines: string[] = [];
  const emit = createEventLog(createLogger({ pretty: true, write: (line) => void lines.push(line) }));
  emit(settled('completed'));
  emit({ type: 'system.fault', where: 'janitor', message: 'boom' });
  const colour = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');
  const [first = '', second = ''] = lines.map((line) => line.replace(colour, ''));
  assert.match(first, /^\d\d:\d\d:\d\d job_\S+ on m is completed after 1\.2 s, attempt 1\n$/);
  assert.match(second, /^\d\d:\d\d:\d\d ERROR janitor: boom \{.*\}\n$/);
});
