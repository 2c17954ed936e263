import { formatNamed, mayBeCalled } from '../contracts/file-signature.ts';
import type { JobResult } from '../contracts/job.ts';
import { BadJson, JsonCutter } from './json-cutter.ts';
import { type expectedOf, KeptFiles, wrongFile } from './kept-files.ts';
import { parseJson, unusable } from './parse-json.ts';
import type { AnswerContext } from './read-answer.ts';

const mostTextChars = 1_048_576;

/**
 * Reads a JSON answer with files in it as base64: each goes to the disk as it arrives, and its number takes its place.
 * @throws GenerationFailed, storage_full
 */
export async function readMediaJson(
  body: AsyncIterable<Uint8Array>,
  { claim, artifacts, onSaving }: AnswerContext,
  expected: ReturnType<typeof expectedOf>,
): Promise<JobResult> {
  const cutter = new JsonCutter(body, mostTextChars);
  const kept = new KeptFiles(artifacts, claim.record);
  let json = '';
  try {
    for (;;) {
      const { text, isFileNext } = await cutter.text();
      json += text;
      if (!isFileNext) break;
      onSaving();
      json += `"file":${await kept.add(cutter.file(), expected)}`;
    }
  } catch (error) {
    throw error instanceof BadJson ? unusable(`JSON that cannot be used: ${error.message}`) : error;
  }
  return resultOf(parseJson(Buffer.from(json, 'latin1').toString('utf8')), kept);
}

function resultOf(output: unknown, { files }: KeptFiles): JobResult {
  if (files.length === 0) throw unusable('no file in it');
  const { usage = null, output_format: told } = output as { usage?: unknown; output_format?: unknown };
  const claimed = typeof told === 'string' ? formatNamed(told) : null;
  for (const { contentType } of files) {
    const found = formatNamed(contentType);
    if (claimed !== null && found !== null && !mayBeCalled(claimed, found))
      throw wrongFile(`${found} that is called ${claimed}`);
  }
  return { output, usage, files };
}
