import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  contentTypeOf,
  type FileFormat,
  formatNamed,
  formatOf,
  mayBeCalled,
} from '../../../src/contracts/file-signature.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

const heads: readonly (readonly [FileFormat | null, Buffer, string])[] = [
  ['png', bytes('\x89PNG\r\n\x1a\n....'), 'PNG'],
  ['jpeg', bytes('\xff\xd8\xff\xe0....'), 'JPEG'],
  ['webp', bytes('RIFF....WEBPVP8 '), 'WebP'],
  ['wav', bytes('RIFF....WAVEfmt '), 'WAV'],
  ['flac', bytes('fLaC....'), 'FLAC'],
  ['mp3', bytes('ID3\x04....'), 'MP3 with a tag'],
  ['mp3', bytes('\xff\xfb\x90\x00'), 'MP3 without one'],
  ['ogg', bytes(`OggS${'.'.repeat(24)}\x01vorbis`), 'Vorbis in Ogg'],
  ['opus', bytes(`OggS${'.'.repeat(24)}OpusHead`), 'Opus in Ogg'],
  [null, bytes('\xff\xf1\x50\x80'), 'AAC, whose frames begin much like those of MP3'],
  [null, bytes('RIFF....AVI '), 'a video'],
  [null, bytes('<html>'), 'a page'],
  [null, bytes('PNG'), 'a mere word'],
  [null, bytes(''), 'nothing'],
];

for (const [format, head, what] of heads) {
  test(`the first bytes of ${what} show ${format ?? 'no format that is known'}`, () => {
    assert.equal(formatOf(head), format);
  });
}

test('a format has other names, and content types with parameters', () => {
  const names = [
    'jpg',
    'JPEG',
    'audio/mpeg',
    'audio/x-wav',
    'audio/ogg; codecs=opus',
    'pcm',
    'text/plain',
    '',
  ];
  assert.deepEqual(names.map(formatNamed), ['jpeg', 'jpeg', 'mp3', 'wav', 'ogg', null, null, null]);
  for (const name of ['toString', 'constructor', '__proto__']) assert.equal(formatNamed(name), null);
  assert.equal(contentTypeOf('opus'), 'audio/ogg');
});

test('Opus may be called Ogg, and nothing else another name', () => {
  assert.ok(mayBeCalled('ogg', 'opus') && mayBeCalled('png', 'png'));
  assert.ok(!mayBeCalled('opus', 'ogg') && !mayBeCalled('png', 'jpeg'));
});
