/** OpenAI's error object, with our two additions. All four of OpenAI's members are always there. */
export interface ErrorBody {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string;
  readonly job_id?: string;
  readonly retryable?: boolean;
}

export interface ErrorFacts {
  readonly status: number;
  readonly type: string;
  readonly code: string;
  readonly message: string;
  readonly param?: string | null;
  /** The same request may succeed later: sets `retryable` and allows the SDKs to try again. */
  readonly retryable?: boolean;
  readonly retryAfterS?: number;
  readonly jobId?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An error that a client may see: it knows its status, its code and whether trying again makes sense. */
export class RoundhouseError extends Error {
  readonly status: number;
  readonly type: string;
  readonly code: string;
  readonly param: string | null;
  readonly retryable: boolean;
  readonly retryAfterS: number | null;
  readonly jobId: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(facts: ErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'RoundhouseError';
    this.status = facts.status;
    this.type = facts.type;
    this.code = facts.code;
    this.param = facts.param ?? null;
    this.retryable = facts.retryable ?? false;
    this.retryAfterS = facts.retryAfterS ?? null;
    this.jobId = facts.jobId ?? null;
    this.headers = facts.headers ?? {};
  }

  /** The object under `error` in a response. */
  toBody(): ErrorBody {
    return {
      message: this.message,
      type: this.type,
      param: this.param,
      code: this.code,
      retryable: this.retryable,
      ...(this.jobId === null ? {} : { job_id: this.jobId }),
    };
  }
}
