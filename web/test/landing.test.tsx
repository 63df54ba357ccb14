import { expect, test } from 'vitest';
import { isPlace } from '../src/landing/Dialects';
import { overlay } from '../src/landing/jobs';
import type { Job } from '../src/landing/queries';
import { imagePath, parse } from '../src/landing/router';

test('paths are read as pages, and what is no page is said to be none', () => {
  expect(parse('/')).toEqual({ page: 'home' });
  expect(parse('/app/')).toEqual({ page: 'home' });
  expect(parse('/app/images/1042')).toEqual({ page: 'image', legacyId: '1042' });
  expect(parse('/app/images/1042/')).toEqual({ page: 'image', legacyId: '1042' });
  expect(parse('/app/images/x')).toEqual({ page: 'missing', path: '/app/images/x' });
  expect(parse(imagePath(7))).toEqual({ page: 'image', legacyId: '7' });
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
  message: null,
  createdAt: '2026-05-06T12:00:00Z',
  operation: { name: 'filter.gaussian', label: 'Gaussian' },
});

test('what a subscription reported never wakes an ended job', () => {
  const reported = {
    a: { state: 'RUNNING', progress: 40, message: null },
    b: { state: 'RUNNING', progress: 90, message: null },
  } as const;
  const [a, b, c] = overlay(
    [job('a', 'RUNNING', 10), job('b', 'SUCCEEDED', 100), job('c', 'QUEUED', 0)],
    reported,
  );
  expect(a?.progress).toBe(40);
  expect(b?.state).toBe('SUCCEEDED');
  expect(c?.progress).toBe(0);
});
