/** Projects, their datasets, and on opening a dataset its images: native disclosure, so the keyboard just works. */
import { useState } from 'react';
import { count, many } from './format';
import { GridPlaceholder, ImageGrid, Notice, Section } from './parts';
import { DATASET_IMAGES, TREE, type TreeDataset, type TreeProject } from './queries';
import { useQuery } from './query';

const IMAGES_SHOWN = 24;
const PROJECTS_SHOWN = 50;

function DatasetImages({ dataset }: { dataset: TreeDataset }) {
  const [first, setFirst] = useState(IMAGES_SHOWN);
  const answer = useQuery(DATASET_IMAGES, { dataset: dataset.id, first });
  if (answer.error) return <Notice error={answer.error} retry={answer.reload} />;
  if (!answer.data) return <GridPlaceholder cards={Math.min(dataset.images.totalCount, 6)} />;
  const page = answer.data.dataset?.images;
  const more = page?.pageInfo?.hasNextPage ?? false;
  return (
    <>
      <ImageGrid images={page?.nodes ?? []} label={`Images of ${dataset.name}`} />
      {more && (
        <button type="button" className="button" onClick={() => setFirst(first + IMAGES_SHOWN)}>
          Show more
        </button>
      )}
    </>
  );
}

function Dataset({ dataset }: { dataset: TreeDataset }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="branch" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span className="branch-name">{dataset.name}</span>
        <span className="branch-count">{many(dataset.images.totalCount, 'image')}</span>
      </summary>
      {open && <DatasetImages dataset={dataset} />}
    </details>
  );
}

function Project({ project }: { project: TreeProject }) {
  const datasets = project.datasets.nodes;
  return (
    <details className="branch branch-top" open>
      <summary>
        <span className="branch-name">{project.name}</span>
        <span className="branch-count">{many(datasets.length, 'dataset')}</span>
      </summary>
      {datasets.length === 0 && <p className="empty">No datasets in this project.</p>}
      {datasets.map((dataset) => (
        <Dataset key={dataset.id} dataset={dataset} />
      ))}
    </details>
  );
}

export function Tree() {
  const answer = useQuery(TREE, { first: PROJECTS_SHOWN });
  const projects = answer.data?.projects.nodes ?? [];
  const more = answer.data?.projects.pageInfo?.hasNextPage ?? false;
  return (
    <Section title="Projects">
      {answer.error && <Notice error={answer.error} retry={answer.reload} />}
      {answer.data && projects.length === 0 && (
        <p className="empty">
          No project is visible to you. <code>imagehub import</code> or the mutation{' '}
          <code>createProject</code> makes one.
        </p>
      )}
      {projects.map((project) => (
        <Project key={project.id} project={project} />
      ))}
      {more && (
        <p className="empty">
          The first {count(PROJECTS_SHOWN)} projects are shown; ask GraphQL for the others.
        </p>
      )}
    </Section>
  );
}
