import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ApiError, graphql, messageOf, readCookie, send, signIn } from '../src/api';

const answer = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });

const calls = vi.fn<typeof fetch>();

beforeEach(() => {
  vi.stubGlobal('fetch', calls);
  // biome-ignore lint/suspicious/noDocumentCookie: the server sets this cookie; here the test is the server.
  document.cookie = 'csrftoken=t0ken%3D';
});

afterEach(() => {
  calls.mockReset();
  vi.unstubAllGlobals();
});

const headersOf = (call: number): Headers => new Headers(calls.mock.calls[call]?.[1]?.headers);

test('a cookie is found by its whole name and decoded', () => {
  expect(readCookie('b', 'ab=1; b=2%203; c=4')).toBe('2 3');
  expect(readCookie('b', 'ab=1; bb=2')).toBeNull();
  expect(readCookie('q', 'q=a=b')).toBe('a=b');
});

test('requests that change something carry the CSRF token and reads do not', async () => {
  calls.mockImplementation(async () => answer(200, {}));
  await send('/x', { method: 'post' });
  await send('/x');
  expect(headersOf(0).get('X-CSRFToken')).toBe('t0ken=');
  expect(headersOf(1).has('X-CSRFToken')).toBe(false);
});

test('the sentence for people is found in each shape of error body', () => {
  expect(messageOf({ message: 'a' })).toBe('a');
  expect(messageOf({ error: { code: 'X', message: 'b' } })).toBe('b');
  expect(messageOf({ errors: [{ message: 'c' }, { message: 'd' }] })).toBe('c');
  expect(messageOf({ detail: 'e' })).toBe('e');
  expect(messageOf(null)).toBeNull();
  expect(messageOf({})).toBeNull();
});

test('GraphQL data come back as they are', async () => {
  calls.mockResolvedValue(answer(200, { data: { viewer: { username: 'owner' } } }));
  await expect(graphql('{ viewer { username } }', { a: 1 })).resolves.toEqual({
    viewer: { username: 'owner' },
  });
  expect(JSON.parse(String(calls.mock.calls[0]?.[1]?.body))).toEqual({
    query: '{ viewer { username } }',
    variables: { a: 1 },
  });
});

test('an error of a query keeps its meaning', async () => {
  calls.mockResolvedValue(
    answer(200, { data: null, errors: [{ message: 'No such image.', extensions: { code: 'not_found' } }] }),
  );
  await expect(graphql('{ x }')).rejects.toMatchObject({ kind: 'missing', message: 'No such image.' });
});

test.each([
  [401, 'signed-out'],
  [403, 'refused'],
  [404, 'missing'],
  [429, 'throttled'],
  [500, 'server'],
] as const)('status %i is the failure %s', async (status, kind) => {
  calls.mockResolvedValue(answer(status, { message: 'why' }));
  await expect(signIn('a', 'b')).rejects.toMatchObject({ kind, message: 'why' });
});

test('an answer that is not JSON still says what happened', async () => {
  calls.mockResolvedValue(new Response('<h1>Bad gateway</h1>', { status: 502 }));
  await expect(signIn('a', 'b')).rejects.toMatchObject({
    kind: 'server',
    message: 'The server answered 502.',
  });
});

test('a server that is gone is told from one that refuses', async () => {
  calls.mockRejectedValue(new TypeError('fetch failed'));
  const failure = await signIn('a', 'b').catch((cause: unknown) => cause);
  expect(failure).toBeInstanceOf(ApiError);
  expect((failure as ApiError).kind).toBe('network');
});
