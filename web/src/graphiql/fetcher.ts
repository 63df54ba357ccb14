/**
 * How GraphiQL reaches the server: POST for queries and mutations, graphql-transport-ws for subscriptions.
 *
 * Both carry the session cookie. An `Authorization` header typed into the header editor goes along with each of
 * them (for a subscription as the payload of `connection_init`) and then counts instead of the cookie.
 */
import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { send } from '../api';

/** Turn the page's own address into the address of its subscriptions. */
export function socketAddress(page: Pick<Location, 'protocol' | 'host'>, path = '/graphql'): string {
  return `${page.protocol === 'https:' ? 'wss:' : 'ws:'}//${page.host}${path}`;
}

/** Drop headers without a value, such as an `Authorization: Bearer` still waiting for its token. */
export function filledHeaders(headers: Record<string, string> = {}): Record<string, string> {
  const filled = Object.entries(headers).filter(([, value]) => {
    const text = String(value ?? '').trim();
    return text !== '' && !/^(bearer|basic)$/i.test(text);
  });
  return Object.fromEntries(filled);
}

/** Make the fetcher; one socket is opened for each running subscription and closed with it. */
export function createFetcher(page: Location = window.location): Fetcher {
  const fetcher = createGraphiQLFetcher({
    url: '/graphql',
    subscriptionUrl: socketAddress(page),
    fetch: send,
    enableIncrementalDelivery: false,
  });
  return (params, options) => fetcher(params, { ...options, headers: filledHeaders(options?.headers) });
}
