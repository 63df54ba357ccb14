/** Jobs as rows: what runs, how far it is, how it ended. */
import { agoText, isActive, percent, stateText } from './format';
import { useJobs } from './jobs';
import { Notice, Section } from './parts';
import type { Job } from './queries';

function Bar({ job }: { job: Job }) {
  const done = percent(job.progress);
  const label = `Progress of ${job.operation.label}`;
  if (done === null) return <progress aria-label={label} />;
  return (
    <span className="bar">
      <progress aria-label={label} max={100} value={done} />
      <span className="bar-number">{done} %</span>
    </span>
  );
}

function JobRow({ job }: { job: Job }) {
  return (
    <li className="job">
      <span className={`pill pill-${job.state.toLowerCase()}`}>{stateText(job.state)}</span>
      <span className="job-name">
        {job.operation.label} <code>{job.operation.name}</code>
      </span>
      <span className="job-rest">
        {isActive(job.state) ? (
          <Bar job={job} />
        ) : (
          <time dateTime={job.createdAt}>{agoText(job.createdAt)}</time>
        )}
      </span>
      {job.message && <span className="job-message">{job.message}</span>}
    </li>
  );
}

export function JobList({ jobs, label }: { jobs: readonly Job[]; label: string }) {
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
      {answer.data && <JobList jobs={answer.data} label="Newest jobs" />}
    </Section>
  );
}
