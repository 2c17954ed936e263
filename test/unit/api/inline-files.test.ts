import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partFiles } from '../../../src/api/inline-files.ts';
import { formRules } from '../../../src/contracts/openai/forms.ts';

const speech = formRules.get('/v1/audio/transcriptions');
const edits = formRules.get('/v1/images/edits');
assert.ok(speech && edits);
const png = 'data:image/png;base64,iVBORw==';

test('a data URL is taken out of the body, with its type and its bytes', () => {
  const { values, files } = partFiles(speech, {
    model: 'm',
    file: 'data:Audio/WAV;codecs=1;base64,UklGRg==',
  });
  assert.deepEqual(values, { model: 'm' });
  assert.deepEqual(files, [
    { field: 'file', fileName: 'file.wav', contentType: 'audio/wav', bytes: Buffer.from('RIFF') },
  ]);
});

test("images come as OpenAI wraps them, as a list or alone; several are image[] to the model's server", () => {
  const bodies = [
    { images: [{ image_url: png }, { image_url: { url: png } }], mask: { image_url: png } },
    { image: [png, png], mask: png },
  ];
  for (const body of bodies) {
    const { values, files } = partFiles(edits, { prompt: 'x', ...body });
    assert.deepEqual(values, { prompt: 'x' });
    assert.deepEqual(
      files.map(({ field }) => field),
      ['image[]', 'image[]', 'mask'],
    );
  }
  assert.equal(partFiles(edits, { image: png }).files[0]?.field, 'image');
});

const refused: readonly (readonly [what: string, body: object, param: string, message: RegExp])[] = [
  ['a link', { image: 'https://example.com/a.png' }, 'image', /links are not fetched/],
  [
    'a link in OpenAI’s wrapping',
    { images: [{ image_url: 'HTTP://x/' }] },
    'images',
    /links are not fetched/,
  ],
  ['a file id', { images: [{ file_id: 'file-1' }] }, 'images', /expected a data URL/],
  ['a data URL without base64', { mask: 'data:text/plain,hello' }, 'mask', /expected a data URL/],
  ['bare base64', { image: 'iVBORw==' }, 'image', /expected a data URL/],
  ['an empty file', { image: 'data:image/png;base64,' }, 'image', /empty/],
  ['what is not base64', { image: 'data:image/png;base64,????' }, 'image', /empty, or not base64/],
  ['too many', { mask: [png, png] }, 'mask', /at most 1/],
  ['a number', { image: 7 }, 'image', /expected a data URL/],
];

for (const [what, body, param, message] of refused) {
  test(`${what} in place of a file is refused with its name`, () => {
    assert.throws(() => partFiles(edits, { ...body }, 'input.'), {
      status: 400,
      code: 'invalid_value',
      param: `input.${param}`,
      message,
    });
  });
}
