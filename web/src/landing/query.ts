/** A GraphQL document as a hook: its data, its error, whether it is under way, and a way to ask again. */
import { createContext, useCallback, useContext, useEffect, useState } from 'react';
import { ApiError, graphql } from '../api';
import type { Document } from './queries';

export interface Answer<Data> {
  data: Data | null;
  error: ApiError | null;
  loading: boolean;
  reload: () => void;
}

/** What to do when the server no longer knows the session. */
export const SignedOut = createContext<() => void>(() => undefined);

const asApiError = (cause: unknown): ApiError =>
  cause instanceof ApiError
    ? cause
    : new ApiError('server', cause instanceof Error ? cause.message : String(cause));

/**
 * Ask on mounting and whenever document or variables change; the request before is aborted.
 *
 * On `reload` the data of the answer before stay in view until the new ones arrive.
 */
export function useQuery<Data, Variables extends Record<string, unknown>>(
  document: Document<Data, Variables>,
  variables: Variables,
): Answer<Data> {
  const [state, setState] = useState<Omit<Answer<Data>, 'reload'>>({
    data: null,
    error: null,
    loading: true,
  });
  const [round, setRound] = useState(0);
  const signedOut = useContext(SignedOut);
  const key = JSON.stringify(variables);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `round` asks the same question again.
  useEffect(() => {
    const stop = new AbortController();
    graphql<Data>(document.text, JSON.parse(key), stop.signal)
      .then((data) => setState({ data, error: null, loading: false }))
      .catch((cause: unknown) => {
        if (stop.signal.aborted) return;
        const error = asApiError(cause);
        if (error.kind === 'signed-out') signedOut();
        setState((before) => ({ ...before, error, loading: false }));
      });
    return () => stop.abort();
  }, [document, key, round, signedOut]);

  const reload = useCallback(() => setRound((before) => before + 1), []);
  return { ...state, reload };
}
