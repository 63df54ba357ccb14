import { expect, test } from 'vitest';
import { isPlace } from '../src/landing/Dialects';
import { overlay } from '../src/landing/jobs';
import type { Job } from '../src/landing/queries';
import { globalId, imagePath, parse } from '../src/landing/router';
import { initialView, pictureUrl } from '../src/landing/view';

test('paths are read as pages, and what is no page is said to be none', () => {
  expect(parse('/')).toEqual({ page: 'home' });
  expect(parse('/app/')).toEqual({ page: 'home' });
  expect(parse('/app/images/1042')).toEqual({ page: 'image', legacyId: '1042' });
  expect(parse('/app/images/1042/')).toEqual({ page: 'image', legacyId: '1042' });
  expect(parse('/app/images/x')).toEqual({ page: 'missing', path: '/app/images/x' });
  expect(parse(imagePath(7))).toEqual({ page: 'image', legacyId: '7' });
});

test('a global id is the one the server would write', () => {
  expect(globalId('Image', '7')).toBe('SW1hZ2U6Nw');
  expect(globalId('Image', '1042')).toBe('SW1hZ2U6MTA0Mg');
});

test('a pattern is not a place to go to', () => {
  expect(isPlace('/graphql')).toBe(true);
  expect(isPlace('/zarr/{id}.zarr')).toBe(false);
  expect(isPlace('/api/*.json')).toBe(false);
  expect(isPlace('https://elsewhere.example/')).toBe(false);
});

const job = (id: string, state: Job['state'], progress: number): Job => ({
  id,
  state,
  progress,
  error: null,
  createdAt: '2026-05-06T12:00:00Z',
  operationName: 'filter.gaussian',
});

test('what a subscription reported never wakes an ended job', () => {
  const reported = {
    a: { state: 'RUNNING', progress: 40, error: null },
    b: { state: 'RUNNING', progress: 90, error: null },
  } as const;
  const [a, b, c] = overlay(
    [job('a', 'RUNNING', 10), job('b', 'SUCCEEDED', 100), job('c', 'QUEUED', 0)],
    reported,
  );
  expect(a?.progress).toBe(40);
  expect(b?.state).toBe('SUCCEEDED');
  expect(c?.progress).toBe(0);
});

const sizes = { sizeT: 5, sizeC: 3, sizeZ: 9, sizeY: 64, sizeX: 64 };
const rendering = {
  z: 4,
  t: 1,
  projection: null,
  channels: [{ active: true }, { active: false }, { active: true }],
};

test('a view begins as the server shows the image', () => {
  expect(initialView(rendering, sizes)).toEqual({
    z: 4,
    t: 1,
    active: [true, false, true],
    projected: false,
  });
  expect(initialView(null, sizes)).toEqual({ z: 0, t: 0, active: [true, true, true], projected: false });
});

test('the address of a picture says all that was chosen and keeps what it said before', () => {
  const view = { z: 2, t: 0, active: [true, false, true], projected: true };
  const address = new URL(pictureUrl('/tiles/7/thumbnail?size=1024&v=3', view), 'http://hub');
  expect(address.pathname).toBe('/tiles/7/thumbnail');
  expect(Object.fromEntries(address.searchParams)).toEqual({
    size: '1024',
    v: '3',
    z: '2',
    t: '0',
    c: '1,3',
    p: 'intmax',
  });
});

test('channels are always named, since what is shown by itself may leave some out', () => {
  const parameters = (active: boolean[]) =>
    new URLSearchParams(pictureUrl('/p?size=8', { z: 0, t: 0, active, projected: false }).split('?')[1]);
  expect(parameters([true, true]).get('c')).toBe('1,2');
  expect(parameters([false, false]).get('c')).toBe('-1');
});
