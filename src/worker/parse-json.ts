import { errors } from '../contracts/error-catalogue.ts';
import { GenerationFailed } from './generation-failed.ts';
import { excerpt } from './upstream-error.ts';

/** @throws GenerationFailed */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unusable(`not the JSON that it claims to be: ${excerpt(text)}`);
  }
}

/** A model server's answer that nothing can be done with; it is worth another attempt. */
export const unusable = (detail: string): GenerationFailed =>
  new GenerationFailed(errors.upstreamBadResponse(excerpt(detail)).toBody(), 'server');
