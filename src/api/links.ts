import type { Request } from 'express';
import type { JobLinks } from '../contracts/job-view.ts';
import type { Api } from './dependencies.ts';

/** Links in an answer to this request. */
export function linksOf({ settings, links }: Pick<Api, 'settings' | 'links'>, request: Request): JobLinks {
  const baseUrl = baseUrlOf(request, settings.publicUrl);
  return { baseUrl, queryOf: (record, index) => links.queryOf(record, index) };
}

/** Base URL for links in answers: as configured, else the host that the request names. */
function baseUrlOf(request: Request, publicUrl: string | null): string {
  if (publicUrl !== null) return publicUrl.replace(/\/+$/, '');
  const host = request.headers.host ?? '';
  return /^[\w.-]+(:\d{1,5})?$|^\[[\da-f:.]+\](:\d{1,5})?$/i.test(host) ? `http://${host}` : '';
}
