/** What the page has to know before the editors open: who is asking, and ids for the examples. */
import { graphql, type SessionUser, session } from '../api';
import starter from './starter.graphql?raw';

export interface Start {
  user: SessionUser | null;
  ids: Record<string, string | undefined>;
}

interface Connection<Node> {
  nodes: Node[];
}

interface Identified {
  id: string;
}

type Starter = Record<'images' | 'datasets' | 'jobs', Connection<Identified>> & {
  rois: Connection<{ image: Identified | null }>;
};

/** Choose the ids: an image with regions where there is one, else the newest image, for what shows regions. */
export function chooseIds({ images, datasets, jobs, rois }: Starter): Start['ids'] {
  const image = images.nodes[0]?.id;
  return {
    image,
    annotated: rois.nodes[0]?.image?.id ?? image,
    dataset: datasets.nodes[0]?.id,
    job: jobs.nodes[0]?.id,
  };
}

/**
 * Look both up. A hub that cannot answer within the limit opens with empty variables instead of waiting, and one that
 * knows the reader but finds no ids still says who is signed in.
 */
export async function start(limit_ms = 5000): Promise<Start> {
  const signal = AbortSignal.timeout(limit_ms);
  const user = await session(signal).then(
    (found) => found.user,
    () => null,
  );
  if (!user) return { user, ids: {} };
  return graphql<Starter>(starter, {}, signal).then(
    (found) => ({ user, ids: chooseIds(found) }),
    () => ({ user, ids: {} }),
  );
}
