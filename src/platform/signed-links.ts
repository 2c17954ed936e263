import { createHmac } from 'node:crypto';
import { errors } from '../contracts/error-catalogue.ts';
import type { JobRecord } from '../contracts/job.ts';
import { isSameSecret } from './same-secret.ts';

/** One file of a job, until a moment. */
export interface LinkedFile {
  readonly jobId: string;
  readonly index: number;
  /** Unix seconds. */
  readonly expiresAtS: number;
}

/** Links that need no key: whoever has one may read that file until it expires, and nothing else. */
export class SignedLinks {
  private secret: string | null;

  /** @param secret null: it is not known yet */
  constructor(secret: string | null = null) {
    this.secret = secret;
  }

  use(secret: string): void {
    this.secret = secret;
  }

  /** The query of a link to a file of an ended job, good until its result expires: `exp=…&sig=…`. */
  queryOf({ id, completedAtMs, createdAtMs, resultTtlMs }: JobRecord, index: number): string {
    const expiresAtS = Math.floor(((completedAtMs ?? createdAtMs) + resultTtlMs) / 1000);
    return `exp=${expiresAtS}&sig=${this.signatureOf({ jobId: id, index, expiresAtS })}`;
  }

  isValid(file: LinkedFile, signature: string, nowS: number): boolean {
    const isRight = isSameSecret(signature, this.signatureOf(file));
    return isRight && nowS < file.expiresAtS;
  }

  private signatureOf({ jobId, index, expiresAtS }: LinkedFile): string {
    if (!this.secret) throw errors.queueUnavailable('the secret of links is not known yet');
    return createHmac('sha256', this.secret).update(`${jobId}\n${index}\n${expiresAtS}`).digest('base64url');
  }
}
