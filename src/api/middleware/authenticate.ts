import type { IncomingHttpHeaders } from 'node:http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { errors } from '../../contracts/error-catalogue.ts';
import { type ApiKey, findKey } from '../api-keys.ts';
import { setKeyId } from './request-context.ts';

/** Lets a request pass that shows a known key. Nothing else counts: no address, no host, no path. */
export function authenticate(keys: readonly ApiKey[]): RequestHandler {
  return (request: Request, response: Response, next: NextFunction): void => {
    const secret = presentedKey(request.headers);
    if (secret === null) throw errors.missingApiKey();
    const keyId = findKey(keys, secret);
    if (keyId === null) throw errors.invalidApiKey();
    setKeyId(response, keyId);
    next();
  };
}

/** `Authorization: Bearer <key>`, else `X-API-Key`. */
export function presentedKey(headers: IncomingHttpHeaders): string | null {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const other = headers['x-api-key'];
  return typeof other === 'string' && other !== '' ? other : null;
}
