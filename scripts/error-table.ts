import { errors } from '../src/contracts/error-catalogue.ts';
import type { RoundhouseError } from '../src/contracts/errors.ts';
import { markdownTable } from './markdown-table.ts';

type Catalogue = typeof errors;

/** Stands for what differs from case to case. */
const some = '…';
const someNumber = Number.NaN;

/** Facts for an example of each error; a new one without an example does not compile. */
const examples: { readonly [Name in keyof Catalogue]: Parameters<Catalogue[Name]> } = {
  invalidJson: [some],
  invalidForm: [some],
  invalidImage: [some, some],
  invalidValue: [some, some],
  missingParameter: [some],
  unknownParameter: [some],
  unsupportedEndpoint: [some, some, [some]],
  invalidWebhookUrl: [some],
  webhookAddressBlocked: [some],
  missingApiKey: [],
  invalidApiKey: [],
  invalidLink: [],
  modelNotFound: [some, [some]],
  jobNotFound: [some],
  jobExpired: [some],
  contentExpired: [some],
  contentNotFound: [some, someNumber],
  unknownUrl: ['POST', some],
  invalidUrl: [],
  malformedRequest: [400, some],
  logsNotFound: [some],
  rangeNotSatisfiable: [someNumber],
  methodNotAllowed: ['PUT', some, ['GET', 'HEAD']],
  jobNotCompleted: [some, some],
  payloadTooLarge: [someNumber],
  fileTooLarge: [some, someNumber],
  unsupportedMediaType: [some],
  queueFull: [some, someNumber, someNumber],
  internal: [null],
  modelError: [some],
  upstreamBadResponse: [some],
  modelLoadFailed: [some, some, [], someNumber],
  modelPaused: [some],
  modelCrashed: [some, some],
  modelHung: [some, some],
  uploadGone: [some],
  executionTimeout: [someNumber],
  workerLost: [],
  streamInterrupted: [some],
  cancelled: [some],
  queueTtlExceeded: [some, someNumber],
  modelRemoved: [some],
  queueUnavailable: [some],
  artifactUnreachable: [some],
  notReady: [some],
  storageFull: [some],
  shuttingDown: [],
  syncTimeout: [some, someNumber],
};

/** Every error of the catalogue by status: its code, its type, whether the same request may succeed, its sentence. */
export function errorTable(): string {
  const made = Object.entries(errors).map(([name, make]) =>
    exampleOf(make, examples[name as keyof Catalogue]),
  );
  const sorted = made.toSorted((a, b) => a.status - b.status || a.code.localeCompare(b.code));
  return markdownTable(['status', '`code`', '`type`', '`retryable`', 'example'], sorted.map(rowOf));
}

const exampleOf = (make: Catalogue[keyof Catalogue], facts: readonly unknown[]): RoundhouseError =>
  (make as (...facts: readonly unknown[]) => RoundhouseError)(...facts);

const rowOf = ({ status, code, type, retryable, message }: RoundhouseError): string[] => [
  String(status),
  `\`${code}\``,
  `\`${type}\``,
  String(retryable),
  message.replaceAll('NaN', some).replaceAll('<', '&lt;'),
];
