/** The start page for who is signed in: how much there is, the newest images, projects, jobs, dialects. */
import type { About } from '../api';
import { Dialects } from './Dialects';
import { count } from './format';
import { Jobs } from './Jobs';
import { GridPlaceholder, ImageGrid, Notice, Section } from './parts';
import { OVERVIEW, type Overview as OverviewData } from './queries';
import { useQuery } from './query';
import { Tree } from './Tree';

const RECENT = 12;

const COUNTED = [
  ['projects', 'Projects'],
  ['datasets', 'Datasets'],
  ['images', 'Images'],
  ['screens', 'Screens'],
  ['rois', 'ROIs'],
  ['jobs', 'Jobs'],
] as const;

function Counts({ data }: { data: OverviewData | null }) {
  return (
    <dl className="counts">
      {COUNTED.map(([key, label]) => (
        <div key={key}>
          <dt>{label}</dt>
          <dd>{data ? count(data[key].totalCount) : '·'}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Overview({ about }: { about: About | null }) {
  const answer = useQuery(OVERVIEW, { recent: RECENT });
  const recent = answer.data?.recent.nodes ?? [];
  return (
    <main className="page">
      <h1 className="visually-hidden">What this hub holds</h1>
      {answer.error && <Notice error={answer.error} retry={answer.reload} />}
      <Counts data={answer.data} />
      <Section title="Newest images">
        {answer.loading && !answer.data && <GridPlaceholder cards={RECENT} />}
        {answer.data && recent.length === 0 && (
          <p className="empty">
            No image is visible to you yet. Bring some in: <code>imagehub import PATH --dataset NAME</code>
          </p>
        )}
        <ImageGrid images={recent} label="Newest images" />
      </Section>
      <div className="columns">
        <Tree />
        <Jobs />
      </div>
      {about && <Dialects dialects={about.dialects} />}
    </main>
  );
}
