/** Names that cannot be mixed up: all are strings at run time, and different types to the compiler. */
declare const brand: unique symbol;
export type Branded<Value, Name extends string> = Value & { readonly [brand]: Name };

/** `job_<ulid>`: no `:` and never all digits, so that it is legal as a BullMQ job id. */
export type JobId = Branded<string, 'JobId'>;
/** The id that clients send as `model`: a key of models.yaml. */
export type ModelId = Branded<string, 'ModelId'>;
/** Public fingerprint of an API key: the first 12 hex digits of its SHA-256. */
export type KeyId = Branded<string, 'KeyId'>;
/** One start of one model server; echoed by its `/health`. */
export type BootId = Branded<string, 'BootId'>;
/** One API process; names the inbox that tokens and results are sent to. */
export type InboxId = Branded<string, 'InboxId'>;

const jobIdPattern = /^job_[0-9A-HJKMNP-TV-Z]{26}$/;

export const isJobId = (text: string): text is JobId => jobIdPattern.test(text);
export const asModelId = (text: string): ModelId => text as ModelId;
export const asJobId = (text: string): JobId => text as JobId;
