import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { JobId } from '../contracts/ids.ts';

const extensions: Readonly<Record<string, string>> = {
  'application/json': 'json',
  'application/x-subrip': 'srt',
  'audio/aac': 'aac',
  'audio/flac': 'flac',
  'audio/mpeg': 'mp3',
  'audio/ogg': 'ogg',
  'audio/opus': 'opus',
  'audio/pcm': 'pcm',
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'text/plain': 'txt',
  'text/vtt': 'vtt',
  'video/mp4': 'mp4',
  'video/webm': 'webm',
};
const temporaryPattern = /^\.\d+-[0-9a-f]+\.tmp$/;

/** Two hex digits between root and job keep each folder small. */
export function folderOf(root: string, jobId: JobId): string {
  return join(root, createHash('sha256').update(jobId).digest('hex').slice(0, 2), jobId);
}

/** Nothing of a client or a model is part of a name. */
export function fileNameOf(index: number, contentType: string): string {
  if (!Number.isSafeInteger(index) || index < 0) throw new Error(`not an index of a file: ${index}`);
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  return `${index}.${extensions[type] ?? 'bin'}`;
}

export const isFileOf = (name: string, index: number): boolean =>
  /^\d+\.[a-z0-9]+$/.test(name) && name.startsWith(`${index}.`);
export const temporaryNameOf = (index: number, random: string): string => `.${index}-${random}.tmp`;
export const isTemporary = (name: string): boolean => temporaryPattern.test(name);
