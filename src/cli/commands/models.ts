import { z } from 'zod';
import { connect } from '../api-client.ts';
import { exitCodes } from '../cli-error.ts';
import { type CliContext, clientSettings } from '../context.ts';
import type { ModelAction } from '../model-actions.ts';

const said: Readonly<Record<ModelAction, string>> = {
  load: 'is asked to load',
  unload: 'is asked to unload',
  pause: 'is paused',
  resume: 'goes on',
};

/** Hands an operator's wish to the workers; "roundhouse status" shows what comes of it. */
export async function actOnModel(context: CliContext, action: ModelAction, model: string): Promise<number> {
  await using api = await connect(clientSettings(context));
  await api.post(`/admin/models/${encodeURIComponent(model)}/${action}`, z.unknown());
  context.terminal.out(`${model} ${said[action]}.\n`);
  return exitCodes.ok;
}
