/** Sizes of a request. */
export const bodyLimits = {
  maxMb: 10,
  maxBytes: 10 * 1024 * 1024,
  /** A body over the limit is read and dropped up to here, so that the client reads its 413 before the end. */
  drainBytes: 64 * 1024 * 1024,
  maxDepth: 64,
} as const;

/** Sizes of a form; how large a file may be is a setting. */
export const formLimits = {
  maxFields: 64,
  maxFieldBytes: 256 * 1024,
  /** All but the files: field values, names and boundaries. */
  maxRestBytes: 2 * 1024 * 1024,
  maxHeaderBytes: 8 * 1024,
  maxHeaderPairs: 16,
} as const;

/** Times and sizes of a connection. */
export const connectionLimits = {
  maxHeaderBytes: 16 * 1024,
  headersTimeoutMs: 30_000,
  /** Longest upload of one request, head and body. */
  requestTimeoutMs: 300_000,
  /** Longer than common proxies keep an idle connection, so that they close it first. */
  keepAliveTimeoutMs: 125_000,
} as const;
