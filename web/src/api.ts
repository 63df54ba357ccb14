/**
 * The one client of the server: session, facts about the hub, and GraphQL by POST.
 *
 * Every failure is an `ApiError` of a known kind, so that a page can say what to do instead of showing a status.
 */

export type Failure = 'network' | 'signed-out' | 'refused' | 'throttled' | 'missing' | 'query' | 'server';

export class ApiError extends Error {
  readonly kind: Failure;
  constructor(kind: Failure, message: string) {
    super(message);
    this.name = 'ApiError';
    this.kind = kind;
  }
}

export interface SessionUser {
  username: string;
  name: string;
  admin: boolean;
}

export interface Session {
  user: SessionUser | null;
  csrf?: string | null;
}

export interface Dialect {
  name: string;
  path: string;
  available: boolean;
  note?: string | null;
}

export interface About {
  version: string;
  dialects: Dialect[];
  demo: boolean;
}

const CSRF_COOKIE = 'csrftoken';
const UNSAFE = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Read the value of one cookie out of `document.cookie` text; null when absent. */
export function readCookie(name: string, cookies: string = document.cookie): string | null {
  for (const part of cookies.split(';')) {
    const [key, ...value] = part.trim().split('=');
    if (key === name) return decodeURIComponent(value.join('='));
  }
  return null;
}

/** Send a request to this host with the session cookie and, when it changes something, the CSRF header. */
export function send(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const token = readCookie(CSRF_COOKIE);
  if (token && UNSAFE.has((init.method ?? 'GET').toUpperCase())) headers.set('X-CSRFToken', token);
  return fetch(input, { ...init, headers, credentials: 'same-origin' });
}

const KINDS: Record<number, Failure> = {
  401: 'signed-out',
  403: 'refused',
  404: 'missing',
  429: 'throttled',
};

/** Take the sentence meant for people out of an error body of any of the hub's shapes. */
export function messageOf(body: unknown): string | null {
  if (typeof body === 'string') return body || null;
  if (typeof body !== 'object' || body === null) return null;
  const { message, error, detail, errors } = body as Record<string, unknown>;
  if (Array.isArray(errors)) return messageOf(errors[0]);
  return messageOf(message ?? error ?? detail);
}

interface JsonInit extends RequestInit {
  headers?: Record<string, string>;
}

async function json<T>(path: string, init: JsonInit = {}): Promise<T> {
  const headers = { Accept: 'application/json', ...init.headers };
  let response: Response;
  try {
    response = await send(path, { ...init, headers });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError('network', 'The server does not answer. Is it still running?');
  }
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body as T;
  const kind = KINDS[response.status] ?? 'server';
  throw new ApiError(kind, messageOf(body) ?? `The server answered ${response.status}.`);
}

/** Ask who is signed in. */
export const session = (signal?: AbortSignal): Promise<Session> =>
  json('/app/session', signal ? { signal } : {});

/** Sign in with a password; the answer sets the session and CSRF cookies. */
export const signIn = (username: string, password: string): Promise<Session> =>
  json('/app/session', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username, password }),
  });

/** End the session. */
export const signOut = (): Promise<unknown> => json('/app/session', { method: 'DELETE' });

/** Ask what this server is and which dialects it speaks. */
export const about = (signal?: AbortSignal): Promise<About> => json('/app/about', signal ? { signal } : {});

interface GraphQLAnswer<T> {
  data?: T | null;
  errors?: { message: string; extensions?: { code?: string } }[];
}

const CODES: Record<string, Failure> = {
  unauthenticated: 'signed-out',
  forbidden: 'refused',
  not_found: 'missing',
  throttled: 'throttled',
};

/**
 * Run one GraphQL document and return its data.
 *
 * Any error in the answer fails the whole call: the pages show either everything they asked for or the reason.
 */
export async function graphql<T>(
  query: string,
  variables: Record<string, unknown> = {},
  signal?: AbortSignal,
): Promise<T> {
  const answer = await json<GraphQLAnswer<T>>('/graphql', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, variables }),
    ...(signal ? { signal } : {}),
  });
  const error = answer.errors?.[0];
  if (error) throw new ApiError(CODES[error.extensions?.code ?? ''] ?? 'query', error.message);
  if (!answer.data) throw new ApiError('server', 'The server sent no data.');
  return answer.data;
}
