/**
 * The example queries: one `.graphql` document and one `.json` of variables each, in the order of the tabs.
 *
 * A variable written `@image`, `@annotated`, `@dataset` or `@job` stands for the id of something the reader may really see; it is
 * looked up when the page opens, so that an example works on any hub and not only on one machine's ids.
 */
import gaussian from './examples/gaussian.graphql?raw';
import gaussianVariables from './examples/gaussian.json';
import image from './examples/image.graphql?raw';
import imageVariables from './examples/image.json';
import progress from './examples/progress.graphql?raw';
import progressVariables from './examples/progress.json';
import projects from './examples/projects.graphql?raw';
import projectsVariables from './examples/projects.json';
import rois from './examples/rois.graphql?raw';
import roisVariables from './examples/rois.json';

export type Variables = Record<string, unknown>;

export interface Example {
  title: string;
  note: string;
  query: string;
  variables: Variables;
}

export const examples: readonly Example[] = [
  {
    title: 'Everything you may see',
    note: 'Projects, their datasets and images, down to the range of values in each channel.',
    query: projects,
    variables: projectsVariables,
  },
  {
    title: 'One image, rendered and raw',
    note: 'The addresses of a thumbnail, a rendered tile, a raw region and the OME-Zarr group.',
    query: image,
    variables: imageVariables,
  },
  {
    title: 'Smooth an image',
    note: 'Starts a Gaussian filter as a job; its result is a new image that names the job.',
    query: gaussian,
    variables: gaussianVariables,
  },
  {
    title: 'Watch a job',
    note: 'A subscription: the progress of a job, as it happens. Start one with the example before this.',
    query: progress,
    variables: progressVariables,
  },
  {
    title: 'Regions and their terms',
    note: 'The ROIs drawn on an image, their shapes, and the ontology terms they carry.',
    query: rois,
    variables: roisVariables,
  },
];

/** Replace each `@name` among the variables by the id found for that name, or by nothing when there is none. */
export function fillVariables(
  variables: Variables,
  ids: Readonly<Record<string, string | undefined>>,
): Variables {
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string' && value.startsWith('@')) return ids[value.slice(1)] ?? '';
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner)]));
  };
  return fill(variables) as Variables;
}

/** Write variables as the editor shows them. */
export const variablesText = (variables: Variables): string =>
  Object.keys(variables).length === 0 ? '' : JSON.stringify(variables, null, 2);
