import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { KeyId } from '../../contracts/ids.ts';

/** Gives every request an id, before anything can fail. */
export function requestContext(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('x-request-id', `req_${randomUUID().replaceAll('-', '')}`);
  next();
}

export const setKeyId = (response: Response, keyId: KeyId): void => {
  response.locals.keyId = keyId;
};

/** The key of an authenticated request. */
export function keyIdOf(response: Response): KeyId {
  const keyId: unknown = response.locals.keyId;
  if (typeof keyId !== 'string') throw new Error('this route runs without authentication');
  return keyId as KeyId;
}
