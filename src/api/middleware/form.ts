import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyFileStream, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy';
import { errors } from '../../contracts/error-catalogue.ts';
import { type FormRules, plainName } from '../../contracts/openai/forms.ts';
import { bodyLimits, formLimits } from './limits.ts';

/** A file on its way: the form's reader waits until `bytes` are taken. */
export interface FormFile {
  readonly index: number;
  /** As the client sent it, such as `image[]`. */
  readonly field: string;
  readonly fileName: string;
  readonly contentType: string;
  /** @throws payload_too_large */
  readonly bytes: AsyncIterable<Uint8Array>;
}

export interface Form<Stored> {
  readonly texts: readonly (readonly [name: string, text: string])[];
  readonly files: readonly Stored[];
}

export interface FormOptions<Stored> {
  readonly rules: FormRules;
  readonly maxFileBytes: number;
  /** Takes all bytes of a file, or fails. */
  readonly store: (file: FormFile) => Promise<Stored>;
}

export const isForm = ({ headers }: IncomingMessage): boolean =>
  /^multipart\/form-data\b/i.test(headers['content-type'] ?? '');

/**
 * Reads a form; its files are stored when this resolves. After a failure the rest of the body is dropped, and nothing is
 * being stored any more.
 * @throws invalid_form, unknown_parameter, invalid_value, payload_too_large; what `store` throws
 */
export async function readForm<Stored>(
  request: IncomingMessage,
  response: ServerResponse,
  options: FormOptions<Stored>,
): Promise<Form<Stored>> {
  refuseTooLong(request, response, options);
  const parser = makeParser(request, options);
  if (request.headers.expect !== undefined) response.writeContinue();
  const reading = new FormReading(parser, options);
  request.once('close', () => {
    if (!request.complete) reading.fail(errors.invalidForm('it ended early'));
  });
  // An error is always followed by `close`, which tells the rest.
  request.once('error', () => undefined);
  request.pipe(parser);
  try {
    return await reading.result;
  } catch (error) {
    request.unpipe(parser);
    dropRest(request, response);
    throw error;
  }
}

/** By its own word a body may be too long before anything of it is read. */
function refuseTooLong<Stored>(
  { headers }: IncomingMessage,
  response: ServerResponse,
  { rules, maxFileBytes }: FormOptions<Stored>,
): void {
  const files = Object.entries(rules.files);
  const most = files.reduce((sum, [, { most: count }]) => sum + count, 0) * maxFileBytes;
  if (Number(headers['content-length'] ?? 0) <= most + formLimits.maxRestBytes) return;
  response.setHeader('connection', 'close');
  throw errors.fileTooLarge(files[0]?.[0] ?? 'file', inMb(maxFileBytes));
}

function makeParser<Stored>(
  { headers }: IncomingMessage,
  { rules, maxFileBytes }: FormOptions<Stored>,
): BusboyInstance {
  try {
    return new Busboy({
      headers: headers as BusboyHeaders,
      limits: {
        fileSize: maxFileBytes,
        files: Object.values(rules.files).reduce((sum, { most }) => sum + most, 0),
        fields: formLimits.maxFields,
        fieldSize: formLimits.maxFieldBytes,
        headerPairs: formLimits.maxHeaderPairs,
        headerSize: formLimits.maxHeaderBytes,
      },
      isPartAFile: (_name, _type, fileName) => fileName !== undefined,
    });
  } catch (error) {
    throw errors.invalidForm(error instanceof Error ? error.message : String(error));
  }
}

/** So that the client can read its answer while it still sends; what goes on for too long is cut off. */
function dropRest(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete) return;
  if (Number(request.headers['content-length'] ?? 0) > bodyLimits.drainBytes)
    response.setHeader('connection', 'close');
  let dropped = 0;
  request.on('data', (chunk: Buffer) => {
    dropped += chunk.length;
    if (dropped > bodyLimits.drainBytes) request.destroy();
  });
  request.resume();
}

/** One form being read: fields gathered, each file handed to the store, the first failure decides. */
class FormReading<Stored> {
  readonly result: Promise<Form<Stored>>;
  private readonly options: FormOptions<Stored>;
  private readonly texts: (readonly [string, string])[] = [];
  private readonly counts = new Map<string, number>();
  private readonly storing: Promise<Stored>[] = [];
  private readonly streams = new Set<Readable>();
  private readonly parsed = Promise.withResolvers<void>();
  private hasFailed = false;

  constructor(parser: BusboyInstance, options: FormOptions<Stored>) {
    this.options = options;
    parser.on('field', (name, text, _, isCut) => this.addText(name, text, isCut));
    parser.on('file', (field, stream, fileName, _, contentType) =>
      this.addFile(field, stream, fileName, contentType),
    );
    parser.on('fieldsLimit', () => this.fail(errors.invalidForm(`over ${formLimits.maxFields} fields`)));
    parser.on('filesLimit', () => this.fail(errors.invalidForm('too many files')));
    parser.on('error', (error) => this.fail(errors.invalidForm(String((error as Error).message ?? error))));
    parser.on('finish', () => this.parsed.resolve());
    this.result = this.all();
  }

  /** Ends what is being stored, too. */
  fail(error: Error): void {
    this.hasFailed = true;
    this.parsed.reject(error);
    for (const stream of this.streams) stream.destroy(error);
  }

  private async all(): Promise<Form<Stored>> {
    try {
      await this.parsed.promise;
      return { texts: this.texts, files: await Promise.all(this.storing) };
    } catch (error) {
      await Promise.allSettled(this.storing);
      throw error;
    }
  }

  private addText(name: string | undefined, text: string, isCut: boolean): void {
    const problem = this.problemOfText(name, isCut);
    if (problem !== null) this.fail(problem);
    else this.texts.push([name ?? '', text]);
  }

  private problemOfText(name: string | undefined, isCut: boolean): Error | null {
    if (name === undefined) return errors.invalidForm('a field has no name');
    if (isCut) return errors.invalidValue(name, `over ${formLimits.maxFieldBytes / 1024} KiB.`);
    const isFile = Object.hasOwn(this.options.rules.files, plainName(name));
    return isFile ? errors.invalidValue(name, 'expected a file; give it a file name in the form.') : null;
  }

  private addFile(
    field: string | undefined,
    stream: BusboyFileStream,
    fileName: string,
    contentType: string,
  ): void {
    this.streams.add(stream);
    stream.on('error', () => undefined);
    const problem = this.problemOfFile(field);
    if (problem !== null) this.fail(problem);
    if (this.hasFailed) {
      stream.resume();
      return;
    }
    const bytes = this.within(stream, field ?? '');
    const stored = this.options.store({
      index: this.storing.length,
      field: field ?? '',
      fileName: fileName || 'file',
      contentType,
      bytes,
    });
    stored.catch((error: Error) => this.fail(error));
    this.storing.push(stored);
  }

  private problemOfFile(field: string | undefined): Error | null {
    const name = plainName(field ?? '');
    const { files } = this.options.rules;
    const rule = Object.hasOwn(files, name) ? files[name] : undefined;
    if (rule === undefined) return errors.unknownParameter(field ?? '');
    const count = (this.counts.get(name) ?? 0) + 1;
    this.counts.set(name, count);
    return count <= rule.most ? null : errors.invalidValue(name, `at most ${rule.most}.`);
  }

  private async *within(stream: BusboyFileStream, field: string): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) yield chunk as Uint8Array;
    if (stream.truncated) throw errors.fileTooLarge(field, inMb(this.options.maxFileBytes));
    this.streams.delete(stream);
  }
}

const inMb = (bytes: number): number => Math.round(bytes / 1024 / 1024);
