/** How an image is looked at, and the address of the picture that shows it so. Pure. */
import type { Rendering, Sizes } from './queries';

export interface View {
  z: number;
  t: number;
  active: readonly boolean[];
  projected: boolean;
}

/** Begin as the server would show the image by itself. */
export function initialView(rendering: Rendering | null, sizes: Sizes): View {
  const active = rendering?.channels.map((channel) => channel.active) ?? [];
  return {
    z: rendering?.z ?? 0,
    t: rendering?.t ?? 0,
    active: active.length === sizes.sizeC ? active : Array.from({ length: sizes.sizeC }, () => true),
    projected: rendering?.projection === 'intmax',
  };
}

/**
 * Write a view into the address of a picture.
 *
 * `c` names the channels that are on, from 1, each with the window and colour it has; a picture of no channel names
 * the first as off. `p` is the projection over z.
 */
export function pictureUrl(base: string, view: View): string {
  const [path, query] = base.split('?');
  const parameters = new URLSearchParams(query);
  parameters.set('z', String(view.z));
  parameters.set('t', String(view.t));
  const on = view.active.flatMap((active, index) => (active ? [index + 1] : []));
  parameters.set('c', on.length > 0 ? on.join(',') : '-1');
  parameters.set('p', view.projected ? 'intmax' : 'normal');
  return `${path}?${parameters}`;
}
