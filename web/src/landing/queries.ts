/** The documents the landing pages send, each with the type of its answer. Tests hold both against the schema. */
import type { JobState } from './format';
import dataset from './queries/dataset.graphql?raw';
import image from './queries/image.graphql?raw';
import jobs from './queries/jobs.graphql?raw';
import overview from './queries/overview.graphql?raw';
import progress from './queries/progress.graphql?raw';
import tree from './queries/tree.graphql?raw';

/** A document together with the types of what goes in and what comes out. */
export interface Document<Data, Variables extends Record<string, unknown>> {
  readonly text: string;
  readonly types?: (variables: Variables) => Data;
}

export interface PageInfo {
  hasNextPage: boolean;
  endCursor: string | null;
}

export interface Connection<Node> {
  totalCount?: number;
  pageInfo?: PageInfo;
  nodes: Node[];
}

export interface Sizes {
  sizeT: number;
  sizeC: number;
  sizeZ: number;
  sizeY: number;
  sizeX: number;
}

export interface Card {
  id: string;
  legacyId: string | number;
  name: string;
  thumbnailUrl: string;
  pixels: Sizes | null;
}

type Count = { totalCount: number };
type Counts = Record<'projects' | 'datasets' | 'images' | 'screens' | 'rois' | 'jobs', Count>;
export type Overview = Counts & { recent: Connection<Card> };

export interface TreeDataset {
  id: string;
  name: string;
  images: Count;
}

export interface TreeProject {
  id: string;
  name: string;
  datasets: Connection<TreeDataset>;
}

export interface Channel {
  name: string | null;
  color: string | null;
  minimum: number | null;
  maximum: number | null;
}

export interface Pixels extends Sizes {
  type: string;
  rgb: boolean;
  physicalSizeX: number | null;
  physicalSizeY: number | null;
  physicalSizeZ: number | null;
}

export interface Rendering {
  z: number;
  t: number;
  projection: string | null;
  channels: { active: boolean }[];
}

export interface Progress {
  state: JobState;
  progress: number;
  error: string | null;
}

/** Something a job read or made; only images have a page to go to. */
export interface JobLink {
  port: string;
  object: { __typename: string; legacyId?: string | number; name?: string } | null;
}

export interface Job extends Progress {
  id: string;
  createdAt: string;
  operationName: string;
  outputs?: JobLink[];
}

export interface Origin extends Job {
  operationVersion: string;
  arguments: { name: string; value: unknown }[];
  inputs: JobLink[];
}

export interface Image extends Omit<Card, 'pixels' | 'thumbnailUrl'> {
  description: string | null;
  createdAt: string;
  acquiredAt: string | null;
  format: string | null;
  owner: { username: string } | null;
  pictureUrl: string;
  zarrUrl: string;
  omeTiffUrl: string;
  omeZarrUrl: string;
  pixels: Pixels | null;
  rendering: Rendering | null;
  channels: Channel[];
  datasets: { id: string; name: string }[];
  rois: Count;
  createdBy: Origin | null;
}

const document = <Data, Variables extends Record<string, unknown>>(
  text: string,
): Document<Data, Variables> => ({
  text,
});

export const OVERVIEW = document<Overview, { recent: number }>(overview);
export const TREE = document<{ projects: Connection<TreeProject> }, { first: number; after?: string }>(tree);
export const DATASET_IMAGES = document<
  { dataset: { images: Connection<Card> } | null },
  { dataset: string; first: number; after?: string }
>(dataset);
export const IMAGE = document<{ image: Image | null }, { image: string }>(image);
export const JOBS = document<{ jobs: Connection<Job> }, { first: number }>(jobs);
export const JOB_PROGRESS = document<{ jobProgress: Progress }, { job: string }>(progress);
