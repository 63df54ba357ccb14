/** How numbers, sizes, colours and states are written for people. Pure. */
import type { Pixels, Sizes } from './queries';

const STATES = {
  NOT_LAUNCHED: 'not started',
  QUEUED: 'waiting',
  RUNNING: 'running',
  SUCCEEDED: 'done',
  FAILED: 'failed',
  INDETERMINATE: 'unclear',
  WAITING: 'waiting',
  PREVIEWED: 'previewed',
  KILLED: 'cancelled',
  RETRYING: 'trying again',
} as const;

export type JobState = keyof typeof STATES;

const ACTIVE: ReadonlySet<string> = new Set<JobState>(['QUEUED', 'RUNNING', 'WAITING', 'RETRYING']);

/** Tell whether a job may still move by itself. */
export const isActive = (state: string): boolean => ACTIVE.has(state);

export const stateText = (state: string): string => STATES[state as JobState] ?? state.toLowerCase();

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** Write a count with separators: `12,345`. */
export const count = (value: number): string => whole.format(value);

/** Write how many of something: `1 image`, `1,204 images`. */
export const many = (value: number, noun: string): string =>
  `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

/** Write the sizes that matter at a glance: `1,280 × 1,024 · 3 ch · 12 z`. */
export function sizeText(sizes: Sizes | null): string {
  if (!sizes) return 'no pixels yet';
  const parts = [`${count(sizes.sizeX)} × ${count(sizes.sizeY)}`];
  if (sizes.sizeC > 1) parts.push(`${count(sizes.sizeC)}\u00a0ch`);
  if (sizes.sizeZ > 1) parts.push(`${count(sizes.sizeZ)}\u00a0z`);
  if (sizes.sizeT > 1) parts.push(`${count(sizes.sizeT)}\u00a0t`);
  return parts.join(' · ');
}

/** Write a value of a pixel: whole numbers whole, others with four significant digits, unknown as a dash. */
export function valueText(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'string') return value;
  return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(4)));
}

/** Write the size of a pixel in µm, one number when it is square. */
export function pixelSizeText(
  pixels: Pick<Pixels, 'physicalSizeX' | 'physicalSizeY' | 'physicalSizeZ'>,
): string {
  const { physicalSizeX: x, physicalSizeY: y, physicalSizeZ: z } = pixels;
  if (x === null || y === null) return 'not known';
  const plane = x === y ? `${valueText(x)} µm` : `${valueText(x)} × ${valueText(y)} µm`;
  return z === null ? plane : `${plane}, z step ${valueText(z)} µm`;
}

/** Make a colour safe for CSS: `#RRGGBBAA` keeps its hue and loses its alpha, anything else is null. */
export function swatch(color: string | null): string | null {
  const found = /^#([0-9a-f]{6})([0-9a-f]{2})?$/i.exec(color ?? '');
  return found ? `#${found[1]?.toLowerCase()}` : null;
}

/** Bring a progress in per cent within 0-100, whole; null when nothing is known yet. */
export function percent(progress: number | null): number | null {
  if (progress === null || Number.isNaN(progress)) return null;
  return Math.round(Math.min(100, Math.max(0, progress)));
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** Write how long ago a time was: `3 minutes ago`. */
export function agoText(iso: string, now_ms: number = Date.now()): string {
  const seconds = (Date.parse(iso) - now_ms) / 1000;
  if (Number.isNaN(seconds)) return '';
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return 'just now';
}

const KINDS: Readonly<Record<string, readonly [string, string]>> = {
  ROI: ['region', 'regions'],
  LabelSet: ['label set', 'label sets'],
  ResultTable: ['table', 'tables'],
};

/** Say how many objects of each kind there are: a job may find thousands of regions. */
export function countedKinds(kinds: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => {
    const [single, several] = KINDS[kind] ?? [kind, kind];
    return `${count} ${count === 1 ? single : several}`;
  });
}
