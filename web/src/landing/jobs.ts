/**
 * Jobs as they go on: the list is asked for again from time to time, and each running job is followed by subscription.
 *
 * Both are needed: the subscription makes the bar move as the work does, the list finds jobs that others start and
 * goes on where a proxy does not let WebSockets through.
 */
import { useEffect, useState } from 'react';
import { isActive } from './format';
import { JOB_PROGRESS, JOBS, type Job, type Progress } from './queries';
import { type Answer, useQuery } from './query';

const IDLE_MS = 10_000;
const BUSY_MS = 3_000;

type Reported = Readonly<Record<string, Progress>>;

/** Lay what the subscriptions reported over the jobs of the list; an ended job stays ended. */
export function overlay(jobs: readonly Job[], reported: Reported): Job[] {
  return jobs.map((job) => (isActive(job.state) ? { ...job, ...reported[job.id] } : job));
}

/** Follow these jobs until they end; returns the way to stop. The socket opens with the first and closes with the last. */
export async function follow(
  ids: readonly string[],
  onProgress: (id: string, progress: Progress) => void,
): Promise<() => void> {
  const { createClient } = await import('graphql-ws');
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const client = createClient({ url: `${scheme}//${location.host}/graphql`, retryAttempts: 2 });
  const stops = ids.map((job) =>
    client.subscribe<{ jobProgress: Progress }>(
      { query: JOB_PROGRESS.text, variables: { job } },
      {
        next: ({ data }) => data && onProgress(job, data.jobProgress),
        error: () => undefined,
        complete: () => undefined,
      },
    ),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

/** The newest jobs with live progress. */
export function useJobs(first: number): Answer<Job[]> {
  const answer = useQuery(JOBS, { first });
  const { reload } = answer;
  const [reported, setReported] = useState<Reported>({});
  const listed = answer.data?.jobs.nodes ?? [];
  const jobs = overlay(listed, reported);
  const running = listed.filter((job) => isActive(job.state)).map((job) => job.id);
  const key = running.join(' ');

  useEffect(() => {
    if (key === '') return;
    let stopped = false;
    let stop = () => {
      stopped = true;
    };
    void follow(key.split(' '), (id, progress) => {
      setReported((before) => ({ ...before, [id]: progress }));
      if (!isActive(progress.state)) reload();
    }).then((close) => {
      if (stopped) close();
      else stop = close;
    });
    return () => stop();
  }, [key, reload]);

  useEffect(() => {
    const timer = setInterval(
      () => {
        if (document.visibilityState === 'visible') reload();
      },
      key === '' ? IDLE_MS : BUSY_MS,
    );
    return () => clearInterval(timer);
  }, [key, reload]);

  return { ...answer, data: answer.data ? jobs : null };
}
