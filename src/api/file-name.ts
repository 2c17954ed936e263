const extensions: Readonly<Record<string, string>> = {
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/mpeg': 'mp3',
  'audio/flac': 'flac',
  'audio/ogg': 'ogg',
  'audio/opus': 'opus',
  'audio/aac': 'aac',
  'audio/pcm': 'pcm',
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'video/mp4': 'mp4',
  'text/plain': 'txt',
  'application/json': 'json',
};

/** A name to save a result under, made of nothing that a client or a model chose. */
export function fileNameOf(jobId: string, index: number, contentType: string): string {
  const essence = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return `${jobId}-${index}.${extensions[essence] ?? 'bin'}`;
}
