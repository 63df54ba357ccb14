/** One image: its picture, sizes, channels, where to download it, and the job that made it. */
import type { ReactNode } from 'react';
import { agoText, count, pixelSizeText, sizeText, swatch, valueText } from './format';
import { JobLinks } from './Jobs';
import { Notice, Section } from './parts';
import { type Channel, IMAGE, type Image, type Origin } from './queries';
import { useQuery } from './query';
import { globalId, Link } from './router';
import { Viewer } from './Viewer';

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Facts({ image }: { image: Image }) {
  const { pixels } = image;
  const datasets = image.datasets.map((dataset) => dataset.name);
  return (
    <dl className="facts">
      <Fact name="Size">{sizeText(pixels)}</Fact>
      {pixels && <Fact name="Values">{pixels.type}</Fact>}
      {pixels && <Fact name="Pixel size">{pixelSizeText(pixels)}</Fact>}
      {datasets.length > 0 && <Fact name="Dataset">{datasets.join(', ')}</Fact>}
      {image.owner && <Fact name="Owner">{image.owner.username}</Fact>}
      {image.format && <Fact name="Came as">{image.format}</Fact>}
      {image.acquiredAt && <Fact name="Taken">{new Date(image.acquiredAt).toLocaleString()}</Fact>}
      <Fact name="Brought in">
        <time dateTime={image.createdAt}>{agoText(image.createdAt)}</time>
      </Fact>
      <Fact name="ROIs">{count(image.rois.totalCount)}</Fact>
      <Fact name="Id">{image.legacyId}</Fact>
    </dl>
  );
}

function ChannelRow({ channel, index }: { channel: Channel; index: number }) {
  const color = swatch(channel.color);
  return (
    <tr>
      <th scope="row">
        <svg className="swatch" viewBox="0 0 10 10" aria-hidden="true">
          <circle cx="5" cy="5" r="5" fill={color ?? '#808080'} />
        </svg>
        {channel.name ?? `Channel ${index + 1}`}
      </th>
      <td>{valueText(channel.minimum)}</td>
      <td>{valueText(channel.maximum)}</td>
    </tr>
  );
}

function Channels({ channels }: { channels: readonly Channel[] }) {
  return (
    <Section title="Channels">
      <div className="table-frame">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Channel</th>
              <th scope="col">Lowest</th>
              <th scope="col">Highest</th>
            </tr>
          </thead>
          <tbody>
            {channels.map((channel, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a channel is its position, and names may repeat.
              <ChannelRow key={index} channel={channel} index={index} />
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

function Downloads({ image }: { image: Image }) {
  return (
    <Section title="Take it with you">
      <ul className="downloads">
        <li>
          <a className="button" href={image.omeTiffUrl} download>
            OME-TIFF
          </a>
        </li>
        <li>
          <a className="button" href={image.omeZarrUrl} download>
            OME-Zarr
          </a>
        </li>
        <li className="download-address">
          <span>OME-Zarr, to open in place</span>
          <code>{new URL(image.zarrUrl, location.href).href}</code>
        </li>
      </ul>
    </Section>
  );
}

/** Write the value of an argument as it would be typed. */
const argumentText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function MadeBy({ job }: { job: Origin }) {
  return (
    <Section title="Made by">
      <dl className="facts origin">
        <Fact name="Operation">
          {job.operationName} <span className="soft">version {job.operationVersion}</span>
        </Fact>
        {job.arguments.length > 0 && (
          <Fact name="With">
            {job.arguments.map(({ name, value }) => (
              <code key={name} className="argument">
                {name} = {argumentText(value)}
              </code>
            ))}
          </Fact>
        )}
        <Fact name="From">
          <JobLinks links={job.inputs} />
        </Fact>
      </dl>
    </Section>
  );
}

function Whole({ image }: { image: Image }) {
  const { pixels, createdBy } = image;
  return (
    <article className="image">
      <header>
        <h1>{image.name}</h1>
        {image.description && <p className="image-description">{image.description}</p>}
      </header>
      <div className="image-columns">
        {pixels ? (
          <Viewer image={image} pixels={pixels} />
        ) : (
          <p className="empty">This image has no pixels yet.</p>
        )}
        <div>
          <Facts image={image} />
          {createdBy && <MadeBy job={createdBy} />}
          {image.channels.length > 0 && <Channels channels={image.channels} />}
          {pixels && <Downloads image={image} />}
        </div>
      </div>
    </article>
  );
}

export function ImagePage({ legacyId }: { legacyId: string }) {
  const answer = useQuery(IMAGE, { image: globalId('Image', legacyId) });
  const image = answer.data?.image;
  const missing = answer.error?.kind === 'missing' || (answer.data && !image);
  return (
    <main className="page">
      <nav aria-label="Breadcrumb" className="crumbs">
        <Link href="/">Start</Link>
        <span aria-hidden="true">/</span>
        <span>Image {legacyId}</span>
      </nav>
      {missing && <p className="empty">There is no image {legacyId}, or it is not visible to you.</p>}
      {answer.error && !missing && <Notice error={answer.error} retry={answer.reload} />}
      {answer.loading && !answer.data && (
        <p className="empty" role="status">
          Loading …
        </p>
      )}
      {image && <Whole image={image} />}
    </main>
  );
}
