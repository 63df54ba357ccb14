/** The frame of every page: who is signed in, the way home, the way out. */
import { useCallback, useEffect, useState } from 'react';
import {
  type About,
  ApiError,
  about as askAbout,
  session as askSession,
  type SessionUser,
  signOut,
} from '../api';
import { ImagePage } from './ImagePage';
import { Overview } from './Overview';
import { Notice } from './parts';
import { SignedOut } from './query';
import { Link, navigate, type Route, useRoute } from './router';
import { SignIn } from './SignIn';

type Who = 'asking' | ApiError | SessionUser | null;

function Logo() {
  return (
    <svg viewBox="0 0 24 24" className="logo" aria-hidden="true">
      <circle cx="12" cy="8" r="6" className="logo-blue" />
      <circle cx="8" cy="15" r="6" className="logo-green" />
      <circle cx="16" cy="15" r="6" className="logo-red" />
    </svg>
  );
}

function Header({ user, onSignOut }: { user: SessionUser | null; onSignOut: () => void }) {
  return (
    <header className="top">
      <Link href="/" className="brand">
        <Logo />
        imagehub
      </Link>
      <nav aria-label="Main">
        <a href="/graphql">GraphiQL</a>
      </nav>
      {user && (
        <div className="top-user">
          <span>{user.name}</span>
          <button type="button" className="button" onClick={onSignOut}>
            Sign out
          </button>
        </div>
      )}
    </header>
  );
}

function Page({ route, about }: { route: Route; about: About | null }) {
  if (route.page === 'image') return <ImagePage key={route.legacyId} legacyId={route.legacyId} />;
  if (route.page === 'home') return <Overview about={about} />;
  return (
    <main className="page">
      <h1>Nothing here</h1>
      <p className="empty">
        <code>{route.path}</code> is not a page of this hub. <Link href="/">Go to the start page</Link>.
      </p>
    </main>
  );
}

/** Keep who is signed in, and what the server is, in one place. */
function useServer() {
  const [who, setWho] = useState<Who>('asking');
  const [about, setAbout] = useState<About | null>(null);
  const ask = useCallback(() => {
    setWho('asking');
    askSession()
      .then(({ user }) => setWho(user))
      .catch((cause: unknown) =>
        setWho(cause instanceof ApiError ? cause : new ApiError('server', String(cause))),
      );
    // The table of dialects is an extra: without it the page shows everything else.
    askAbout().then(setAbout, () => undefined);
  }, []);
  useEffect(ask, [ask]);
  return { who, setWho, about, ask };
}

export function App() {
  const route = useRoute();
  const { who, setWho, about, ask } = useServer();
  const forget = useCallback(() => setWho(null), [setWho]);
  const leave = () => {
    signOut()
      .catch(() => undefined)
      .finally(() => {
        navigate('/');
        ask();
      });
  };
  const user = who === 'asking' || who instanceof ApiError ? null : who;
  return (
    <SignedOut value={forget}>
      <Header user={user} onSignOut={leave} />
      {who === 'asking' && <main className="page" aria-busy="true" />}
      {who instanceof ApiError && (
        <main className="page">
          <Notice error={who} retry={ask} />
        </main>
      )}
      {who === null && <SignIn about={about} onDone={(session) => setWho(session.user)} />}
      {user && <Page route={route} about={about} />}
      <footer className="bottom">
        imagehub {about?.version} {about?.demo && <span className="pill">demo</span>}
      </footer>
    </SignedOut>
  );
}
