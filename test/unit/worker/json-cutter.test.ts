import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonCutter } from '../../../src/worker/json-cutter.ts';
import { bytes, whole } from '../../fakes/fake-model-http.ts';
import { fc, runs } from '../../helpers/properties.ts';

/** The text with `<n>` where each file was, and the files. */
async function cut(pieces: readonly (string | Uint8Array)[], most = 1_000_000) {
  const cutter = new JsonCutter(bytes(...pieces), most);
  const files: Buffer[] = [];
  let json = '';
  for (;;) {
    const { text, isFileNext } = await cutter.text();
    json += text;
    if (!isFileNext) return { json: Buffer.from(json, 'latin1').toString('utf8'), files };
    json += `<${files.length}>`;
    files.push(await whole(cutter.file()));
  }
}

/** A text in pieces of these lengths, over and over. */
function inPieces(text: string, lengths: readonly number[]): Uint8Array[] {
  const all = Buffer.from(text);
  const pieces: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < all.length; turn++) {
    const length = lengths[turn % lengths.length] ?? 1;
    pieces.push(all.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

test('files are taken out however the answer is cut into pieces, and all else stays as it is', async () => {
  const file = fc.uint8Array({ maxLength: 300 });
  const item = fc.record({ file, seed: fc.integer(), note: fc.string({ unit: 'grapheme' }) });
  const lengths = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { maxLength: 4 }),
      lengths,
      fc.constantFrom(0, 1),
      async (items, by, indent) => {
        const data = items.map(({ file: each, ...rest }) => ({
          b64_json: Buffer.from(each).toString('base64'),
          ...rest,
        }));
        const { json, files } = await cut(
          inPieces(JSON.stringify({ data, format: 'b64_json' }, null, indent), by),
        );
        assert.deepEqual(
          files,
          items.map(({ file: each }) => Buffer.from(each)),
        );
        const numbered = json.replaceAll(/<(\d+)>/g, '"file":$1');
        const expected = items.map(({ seed, note }, index) => ({ file: index, seed, note }));
        assert.deepEqual(JSON.parse(numbered), { data: expected, format: 'b64_json' });
      },
    ),
    runs(300),
  );
});

test('the key within a text is text, and a file may escape its slashes', async () => {
  const note = 'he said "b64_json": "QUFB" and left';
  const { json, files } = await cut([`{"note":${JSON.stringify(note)},"b64_json": "\\/\\/79"}`]);
  assert.equal(json, `{"note":${JSON.stringify(note)},<0>}`);
  assert.deepEqual(files, [Buffer.from([0xff, 0xfe, 0xfd])]);
});

test('null in place of a file is no file', async () => {
  assert.deepEqual(await cut(['{"b64_json": null}']), { json: '{"b64_json": null}', files: [] });
});

test('an answer that ends within a file, and one that is too long beside its files, are told', async () => {
  await assert.rejects(cut(['{"b64_json":"QUFB']), /ends within a file/);
  await assert.rejects(cut([`{"note":"${'x'.repeat(2000)}"}`], 1000), /over 1000 characters/);
  const large = Buffer.alloc(90_000).toString('base64');
  assert.equal((await cut([`{"b64_json":"${large}"}`], 1000)).files[0]?.length, 90_000);
});
