/** The client's routes: the start page, one page per image, and an honest answer to anything else. */
import { type AnchorHTMLAttributes, type MouseEvent, useEffect, useState } from 'react';

export type Route =
  | { page: 'home' }
  | { page: 'image'; legacyId: string }
  | { page: 'missing'; path: string };

/** Read a path. Ids are digits only, as everywhere in the hub. */
export function parse(path: string): Route {
  const clean = path.replace(/\/+$/, '');
  if (clean === '' || clean === '/app') return { page: 'home' };
  const image = /^\/app\/images\/([1-9]\d{0,15})$/.exec(clean);
  if (image?.[1]) return { page: 'image', legacyId: image[1] };
  return { page: 'missing', path };
}

/** Write the global id of a noun and its number, as the server does: base64url without padding. */
export const globalId = (noun: string, legacyId: string): string =>
  btoa(`${noun}:${legacyId}`).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');

export const imagePath = (legacyId: string | number): string => `/app/images/${legacyId}`;

const MOVED = 'hub:moved';

/** Go to another page of the client without loading the document again. */
export function navigate(path: string): void {
  history.pushState(null, '', path);
  dispatchEvent(new Event(MOVED));
  scrollTo(0, 0);
}

/** Follow the address bar. */
export function useRoute(): Route {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const follow = () => setPath(location.pathname);
    addEventListener('popstate', follow);
    addEventListener(MOVED, follow);
    return () => {
      removeEventListener('popstate', follow);
      removeEventListener(MOVED, follow);
    };
  }, []);
  return parse(path);
}

/** Tell a click that should stay in the page from one that wants a new tab or window. */
export const isPlainClick = (event: MouseEvent): boolean =>
  event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);

type LinkProps = AnchorHTMLAttributes<HTMLAnchorElement> & { href: string };

/** A link between pages of the client; a real link for everything a browser does with links. */
export function Link({ href, onClick, ...rest }: LinkProps) {
  const click = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (event.defaultPrevented || !isPlainClick(event)) return;
    event.preventDefault();
    navigate(href);
  };
  return <a href={href} onClick={click} {...rest} />;
}
