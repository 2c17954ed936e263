import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { projectDir } from '../../helpers/orchestrator.ts';

type Headers = Readonly<Record<string, string>>;

const secret = 'whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c=';
const body = '{"type":"job.completed"}';
const document = readFileSync(join(projectDir, 'docs/API.md'), 'utf8');

const cases: readonly (readonly [what: string, headers: Headers, body: string, isRight: boolean])[] = [
  ['a delivery of ours', signed(new Date()), body, true],
  ['one that was signed with a second secret, too', twice(signed(new Date())), body, true],
  ['a body that was changed', signed(new Date()), '{"type":"job.failed"}', false],
  ['one of ten minutes ago', signed(new Date(Date.now() - 600_000)), body, false],
  ['one without a signature', { ...signed(new Date()), 'webhook-signature': '' }, body, false],
];

for (const [what, headers, text, isRight] of cases) {
  const verdict = isRight ? 'accepts' : 'refuses';

  test(`the example for Node in docs/API.md ${verdict} ${what}`, async () => {
    const source = `data:text/javascript,${encodeURIComponent(example('js'))}`;
    const { isFromRoundhouse } = await import(source);
    assert.equal(isFromRoundhouse(headers, Buffer.from(text), secret), isRight);
  });

  test(`the example for Python in docs/API.md ${verdict} ${what}`, () => {
    const call = `import json, sys; print(is_from_roundhouse(json.loads(sys.argv[1]), sys.argv[2].encode(), sys.argv[3]))`;
    const args = ['-c', `${example('python')}\n${call}`, JSON.stringify(headers), text, secret];
    assert.equal(execFileSync('python3', args, { encoding: 'utf8' }).trim(), isRight ? 'True' : 'False');
  });
}

function example(language: string): string {
  const code = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(document)?.[1];
  assert.ok(code, `docs/API.md has no example in ${language}`);
  return code;
}

function signed(at: Date): Headers {
  const id = 'evt_01K6ZQ0V7N8Y3R5T2W4X6Z8A1B';
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, at, body),
  };
}

function twice(headers: Headers): Headers {
  return { ...headers, 'webhook-signature': `v1,${'A'.repeat(43)}= ${headers['webhook-signature']}` };
}
