/** Jobs as rows: what runs, how far it is, how it ended. */
import { agoText, countedKinds, isActive, percent, stateText } from './format';
import { useJobs } from './jobs';
import { Notice, Section } from './parts';
import type { Job, JobLink } from './queries';
import { imagePath, Link } from './router';

/** Name what a job read or made, with a link where there is a page; what one may not see is not named. */
export function JobLinks({ links }: { links: readonly JobLink[] }) {
  const named = links.flatMap(({ port, object }) => (object ? [{ port, object }] : []));
  if (named.length === 0) return <span className="soft">nothing you may see</span>;
  const images = named.filter(({ object }) => object.__typename === 'Image');
  const others = named.filter(({ object }) => object.__typename !== 'Image');
  return (
    <>
      {images.map(({ port, object }, index) => (
        <span key={`${port} ${object.legacyId ?? index}`} className="job-link">
          {object.legacyId === undefined ? (
            object.name
          ) : (
            <Link href={imagePath(object.legacyId)}>{object.name}</Link>
          )}
        </span>
      ))}
      {countedKinds(others.map(({ object }) => object.__typename)).map((text) => (
        <span key={text} className="job-link">
          {text}
        </span>
      ))}
    </>
  );
}

function Bar({ job }: { job: Job }) {
  const label = `Progress of ${job.operationName}`;
  const done = percent(job.progress);
  if (done === null) return <progress aria-label={label} />;
  return (
    <span className="bar">
      <progress aria-label={label} max={100} value={done} />
      <span className="bar-number">{done} %</span>
    </span>
  );
}

function JobRow({ job }: { job: Job }) {
  const made = job.outputs ?? [];
  return (
    <li className="job">
      <span className={`pill pill-${job.state.toLowerCase()}`}>{stateText(job.state)}</span>
      <span className="job-name">{job.operationName}</span>
      <span className="job-rest">
        {isActive(job.state) ? (
          <Bar job={job} />
        ) : (
          <time dateTime={job.createdAt}>{agoText(job.createdAt)}</time>
        )}
      </span>
      {job.error && <span className="job-note">{job.error}</span>}
      {made.length > 0 && (
        <span className="job-note">
          made <JobLinks links={made} />
        </span>
      )}
    </li>
  );
}

function JobList({ jobs, label }: { jobs: readonly Job[]; label: string }) {
  return (
    <ul className="jobs" aria-label={label}>
      {jobs.map((job) => (
        <JobRow key={job.id} job={job} />
      ))}
    </ul>
  );
}

export function Jobs() {
  const answer = useJobs(8);
  return (
    <Section title="Jobs">
      {answer.error && <Notice error={answer.error} retry={answer.reload} />}
      {answer.data?.length === 0 && (
        <p className="empty">
          Nothing has run yet. The third example in <a href="/graphql">GraphiQL</a> starts a filter.
        </p>
      )}
      {answer.data && answer.data.length > 0 && <JobList jobs={answer.data} label="Newest jobs" />}
    </Section>
  );
}
