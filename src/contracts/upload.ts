/** A file that came with a request, kept on the disk of the API that took it until its job has ended. */
export interface Upload {
  readonly index: number;
  /** Name of its form field as the model server expects it, such as `file` or `image[]`. */
  readonly field: string;
  /** What the client calls it: for the model server, never for a path of ours. */
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The files of one job. */
export interface Uploads {
  /** Base URL of the artifact server of the API that has them; null: no other machine can fetch them. */
  readonly url: string | null;
  readonly files: readonly Upload[];
}
