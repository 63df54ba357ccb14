import { expect, test } from 'vitest';
import {
  agoText,
  countedKinds,
  isActive,
  many,
  percent,
  pixelSizeText,
  sizeText,
  swatch,
  valueText,
} from '../src/landing/format';

const sizes = { sizeT: 1, sizeC: 1, sizeZ: 1, sizeY: 1024, sizeX: 1280 };

test('sizes of one are left out', () => {
  expect(sizeText(sizes)).toBe('1,280 × 1,024');
  expect(sizeText({ ...sizes, sizeC: 3, sizeZ: 12, sizeT: 40 })).toBe(
    '1,280 × 1,024 · 3\u00a0ch · 12\u00a0z · 40\u00a0t',
  );
  expect(sizeText(null)).toBe('no pixels yet');
});

test('one image is not one images', () => {
  expect(many(1, 'image')).toBe('1 image');
  expect(many(0, 'image')).toBe('0 images');
  expect(many(12345, 'image')).toBe('12,345 images');
});

test('values keep what matters', () => {
  expect(valueText(65535)).toBe('65,535');
  expect(valueText(0.123456)).toBe('0.1235');
  expect(valueText('NaN')).toBe('NaN');
  expect(valueText(null)).toBe('–');
});

test('a square pixel is told by one number', () => {
  expect(pixelSizeText({ physicalSizeX: 0.5, physicalSizeY: 0.5, physicalSizeZ: null })).toBe('0.5 µm');
  expect(pixelSizeText({ physicalSizeX: 0.5, physicalSizeY: 0.25, physicalSizeZ: 2 })).toBe(
    '0.5 × 0.25 µm, z step 2 µm',
  );
  expect(pixelSizeText({ physicalSizeX: null, physicalSizeY: null, physicalSizeZ: null })).toBe('not known');
});

test('only a colour reaches a style', () => {
  expect(swatch('#00FF80FF')).toBe('#00ff80');
  expect(swatch('#abcdef')).toBe('#abcdef');
  expect(swatch('red; background: url(x)')).toBeNull();
  expect(swatch(null)).toBeNull();
});

test('progress stays within nought and a hundred', () => {
  expect([percent(0), percent(45.4), percent(120), percent(-1), percent(null), percent(Number.NaN)]).toEqual([
    0,
    45,
    100,
    0,
    null,
    null,
  ]);
});

test('a job that ended is not active', () => {
  expect(['QUEUED', 'RUNNING', 'RETRYING', 'SUCCEEDED', 'KILLED', 'FAILED'].map(isActive)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('times are told as people do', () => {
  const now = Date.parse('2026-05-06T12:00:00Z');
  expect(agoText('2026-05-06T11:57:00Z', now)).toBe('3 minutes ago');
  expect(agoText('2026-05-05T11:00:00Z', now)).toBe('yesterday');
  expect(agoText('2026-05-06T11:59:40Z', now)).toBe('just now');
  expect(agoText('nonsense', now)).toBe('');
});

test('what a job made is counted by kind', () => {
  expect(countedKinds(['ROI', 'ROI', 'LabelSet', 'ResultTable'])).toEqual([
    '2 regions',
    '1 label set',
    '1 table',
  ]);
});
