/** The sign-in form, and beside it what this server is. */
import { type FormEvent, useState } from 'react';
import { type About, ApiError, type Session, signIn } from '../api';
import { Dialects } from './Dialects';

function Form({ onDone }: { onDone: (session: Session) => void }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(null);
    try {
      onDone(await signIn(String(fields.get('username')), String(fields.get('password'))));
    } catch (cause) {
      setProblem(cause instanceof ApiError ? cause.message : 'Signing in failed.');
      setBusy(false);
    }
  };

  return (
    <form className="signin" onSubmit={submit} aria-labelledby="signin-title">
      <h2 id="signin-title">Sign in</h2>
      <label>
        User name
        <input name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required />
      </label>
      <label>
        Password
        <input name="password" type="password" autoComplete="current-password" required />
      </label>
      {problem && (
        <p className="signin-problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" className="button button-main" disabled={busy}>
        {busy ? 'Signing in …' : 'Sign in'}
      </button>
    </form>
  );
}

export function SignIn({ about, onDone }: { about: About | null; onDone: (session: Session) => void }) {
  return (
    <main className="page">
      <div className="welcome">
        <div className="welcome-text">
          <h1>
            Your microscopy, <em>once</em>. Whichever client you bring.
          </h1>
          <p>
            Images, regions, terms and results live here in one place, with one history and one rule for who
            may see them. Ask for them in GraphQL, or with the client you already have.
          </p>
          <p className="welcome-links">
            <a className="button" href="/graphql">
              Open GraphiQL
            </a>
          </p>
        </div>
        <div>
          <Form onDone={onDone} />
          {about?.demo && (
            <p className="signin-hint">
              This is the demo. Its accounts show what each may see: <b>root</b>, <b>owner</b>,{' '}
              <b>annotator</b>, <b>reader</b> and <b>stranger</b>. The password was printed when the server
              started.
            </p>
          )}
        </div>
      </div>
      {about && <Dialects dialects={about.dialects} />}
    </main>
  );
}
