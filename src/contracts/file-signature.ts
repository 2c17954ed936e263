/** A kind of file that its first bytes give away. */
export type FileFormat = 'png' | 'jpeg' | 'webp' | 'wav' | 'mp3' | 'flac' | 'ogg' | 'opus';

/** So many bytes of a file are enough to tell: Ogg names its codec behind a page header of 28. */
export const signatureBytes = 64;

const contentTypes: Readonly<Record<FileFormat, string>> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  wav: 'audio/wav',
  mp3: 'audio/mpeg',
  flac: 'audio/flac',
  ogg: 'audio/ogg',
  opus: 'audio/ogg',
};

/** Other names that clients and servers use. */
const formatsByName: Readonly<Record<string, FileFormat>> = {
  jpg: 'jpeg',
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'image/webp': 'webp',
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/wave': 'wav',
  'audio/mpeg': 'mp3',
  'audio/mp3': 'mp3',
  'audio/flac': 'flac',
  'audio/x-flac': 'flac',
  'audio/ogg': 'ogg',
  'audio/opus': 'opus',
};

export const contentTypeOf = (format: FileFormat): string => contentTypes[format];

export const isImage = (format: FileFormat): boolean => contentTypes[format].startsWith('image/');

/** The format of a name (`jpg`) or a content type (`audio/mpeg; rate=…`); null: none whose first bytes are known. */
export function formatNamed(name: string): FileFormat | null {
  const plain = name.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (Object.hasOwn(contentTypes, plain)) return plain as FileFormat;
  return Object.hasOwn(formatsByName, plain) ? (formatsByName[plain] ?? null) : null;
}

/** What a file is by its first bytes; null: nothing that is known here. */
export function formatOf(head: Uint8Array): FileFormat | null {
  const text = String.fromCharCode(...head.subarray(0, signatureBytes));
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (text.startsWith('RIFF')) return riffFormat(text.slice(8, 12));
  if (text.startsWith('fLaC')) return 'flac';
  if (text.startsWith('OggS')) return text.includes('OpusHead') ? 'opus' : 'ogg';
  return text.startsWith('ID3') || isMpegFrame(head) ? 'mp3' : null;
}

const riffFormat = (form: string): FileFormat | null =>
  form === 'WEBP' ? 'webp' : form === 'WAVE' ? 'wav' : null;

/** Eleven set bits, then a layer: MPEG audio. Layer 00 is AAC's, which looks the same otherwise. */
const isMpegFrame = ([first = 0, second = 0]: Uint8Array): boolean =>
  first === 0xff && (second & 0xe0) === 0xe0 && (second & 0x06) !== 0;

/** Whether a file may be called so: Opus comes in Ogg. */
export const mayBeCalled = (claimed: FileFormat, found: FileFormat): boolean =>
  claimed === found || (claimed === 'ogg' && found === 'opus');
