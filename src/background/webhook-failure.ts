import { RoundhouseError } from '../contracts/errors.ts';

/** Why a webhook was not delivered. */
export interface WebhookFailure {
  readonly kind:
    | 'dns'
    | 'blocked_address'
    | 'invalid_url'
    | 'connect'
    | 'tls'
    | 'timeout'
    | 'redirect'
    | 'http_status'
    | 'other';
  readonly detail: string;
  /** Trying again makes no sense. */
  readonly isFinal: boolean;
}

const gone = 410;

/** null: delivered. Only 2xx is; a redirect is not followed, and 410 asks to stop. */
export function failureOfStatus(status: number): WebhookFailure | null {
  if (status >= 200 && status < 300) return null;
  const kind = status >= 300 && status < 400 ? 'redirect' : 'http_status';
  return { kind, detail: `the receiver answered ${status}`, isFinal: status === gone };
}

/** What kept the receiver from answering. */
export function failureOfError(error: unknown): WebhookFailure {
  if (error instanceof RoundhouseError) return refused(error);
  const { name, code = '', message } = error as NodeJS.ErrnoException;
  return { kind: kindOf(name, code), detail: code || message, isFinal: false };
}

function refused({ code, message }: RoundhouseError): WebhookFailure {
  const kind = code === 'webhook_address_blocked' ? 'blocked_address' : 'invalid_url';
  return { kind, detail: message, isFinal: true };
}

function kindOf(name: string, code: string): WebhookFailure['kind'] {
  if (name === 'TimeoutError' || /TIMEOUT|ETIMEDOUT/.test(code)) return 'timeout';
  if (/^(ENOTFOUND|EAI_|ENODATA)/.test(code)) return 'dns';
  if (/TLS|SSL|CERT|SIGNATURE|SELF_SIGNED|ISSUER/.test(code)) return 'tls';
  if (/^(ECONN|EHOST|ENET|EPIPE|EADDR|EACCES|EPERM|UND_ERR_SOCKET)/.test(code)) return 'connect';
  return 'other';
}
