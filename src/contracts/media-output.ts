/** What a file in an answer is: the paths whose JSON answers carry files as base64. */
export type MediaKind = 'image' | 'audio';

export const mediaEndpoints: ReadonlyMap<string, MediaKind> = new Map<string, MediaKind>([
  ['/v1/images/generations', 'image'],
  ['/v1/images/edits', 'image'],
  ['/v1/audio/generations', 'audio'],
]);

/** A stored answer of these paths: OpenAI's, each item with the number of its file in place of the bytes. */
interface MediaOutput {
  readonly data: readonly (Readonly<Record<string, unknown>> & { readonly file?: number })[];
}

export const isMediaOutput = (endpoint: string, output: unknown): output is MediaOutput =>
  mediaEndpoints.has(endpoint) &&
  typeof output === 'object' &&
  output !== null &&
  'data' in output &&
  Array.isArray(output.data);

/** The answer with whatever is to stand for each file: a link, or its bytes. */
export function withFiles(output: MediaOutput, shown: (file: number) => Readonly<Record<string, unknown>>) {
  const data = output.data.map(({ file, ...item }) => ({
    ...(typeof file === 'number' ? shown(file) : {}),
    ...item,
  }));
  return { ...output, data };
}
