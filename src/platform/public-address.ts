import ipaddr from 'ipaddr.js';
import type { WebhookPolicy } from '../contracts/registry.ts';

/** All IPv6 addresses in public use so far; the rest, such as IPv4-compatible ones, leads nowhere good. */
const publicIpv6 = ipaddr.parseCIDR('2000::/3');

/**
 * Whether a webhook may reach an address: a public one, or one in a network that the policy names. IPv4 in IPv6
 * clothing counts as what it is. Text that is no address: false.
 */
export function isAllowedAddress(text: string, { allowCidrs }: Pick<WebhookPolicy, 'allowCidrs'>): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  return isPublic(address) || allowCidrs.some((cidr) => isWithin(address, cidr));
}

function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || address.match(publicIpv6);
}

function isWithin(address: ipaddr.IPv4 | ipaddr.IPv6, cidr: string): boolean {
  if (!ipaddr.isValidCIDR(cidr)) return false;
  const network = ipaddr.parseCIDR(cidr);
  return network[0].kind() === address.kind() && address.match(network);
}
