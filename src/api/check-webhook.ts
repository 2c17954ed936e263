import { checkWebhookUrl } from '../platform/webhook-address.ts';
import type { Api } from './dependencies.ts';
import type { ModelCall } from './model-call.ts';

/**
 * Refuses a webhook that could never be delivered, by what its URL shows.
 * @throws invalid_webhook_url, webhook_address_blocked
 */
export function checkWebhook(api: Api, { handling: { webhook } }: ModelCall): void {
  if (webhook !== null && webhook !== undefined) checkWebhookUrl(webhook, api.registry().webhooks);
}
