/** What the page has to know before the editors open: who is asking, and ids for the examples. */
import { graphql, type SessionUser, session } from '../api';
import starter from './starter.graphql?raw';

export interface Start {
  user: SessionUser | null;
  ids: Record<string, string | undefined>;
}

interface Connection {
  nodes: { id: string }[];
}

type Starter = Record<'images' | 'datasets' | 'jobs', Connection>;

const first = (connection: Connection): string | undefined => connection.nodes[0]?.id;

/** Look both up; a hub that cannot answer within the limit opens with empty variables instead of waiting. */
export async function start(limit_ms = 3000): Promise<Start> {
  const signal = AbortSignal.timeout(limit_ms);
  try {
    const { user } = await session(signal);
    if (!user) return { user: null, ids: {} };
    const found = await graphql<Starter>(starter, {}, signal);
    return {
      user,
      ids: { image: first(found.images), dataset: first(found.datasets), job: first(found.jobs) },
    };
  } catch {
    return { user: null, ids: {} };
  }
}
