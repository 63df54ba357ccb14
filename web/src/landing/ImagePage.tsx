/** One image: its picture, sizes, channels, where to download it, and the jobs that made it or ran on it. */
import type { ReactNode } from 'react';
import { agoText, count, many, pixelSizeText, sizeText, swatch, valueText } from './format';
import { JobList } from './Jobs';
import { Notice, Picture, Section } from './parts';
import { type Channel, IMAGE, type Image, type Pixels } from './queries';
import { useQuery } from './query';
import { Link } from './router';

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
  const datasets = image.datasets.nodes.map((dataset) => dataset.name);
  return (
    <dl className="facts">
      <Fact name="Size">{sizeText(pixels)}</Fact>
      {pixels && <Fact name="Values">{pixels.dtype.toLowerCase()}</Fact>}
      {pixels && <Fact name="Pixel size">{pixelSizeText(pixels)}</Fact>}
      {datasets.length > 0 && <Fact name="Dataset">{datasets.join(', ')}</Fact>}
      {image.owner && <Fact name="Owner">{image.owner.username}</Fact>}
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

function Channels({ pixels }: { pixels: Pixels }) {
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
            {pixels.channels.map((channel, index) => (
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
  const { omeTiffUrl, originalUrl, zarrUrl } = image;
  return (
    <Section title="Take it with you">
      <ul className="downloads">
        {omeTiffUrl && (
          <li>
            <a className="button" href={omeTiffUrl} download>
              OME-TIFF
            </a>
          </li>
        )}
        {originalUrl && (
          <li>
            <a className="button" href={originalUrl} download>
              Original file
            </a>
          </li>
        )}
        {zarrUrl && (
          <li className="download-address">
            <span>OME-Zarr, to open in place</span>
            <code>{new URL(zarrUrl, location.href).href}</code>
          </li>
        )}
      </ul>
    </Section>
  );
}

function Whole({ image }: { image: Image }) {
  const jobs = image.jobs.nodes;
  const { createdBy } = image;
  const picture = `${image.name}, ${image.pixels ? many(image.pixels.sizeC, 'channel') : 'no pixels'}, as rendered by default`;
  return (
    <article className="image">
      <header>
        <h1>{image.name}</h1>
        {image.description && <p className="image-description">{image.description}</p>}
      </header>
      <div className="image-columns">
        <Picture src={image.renderedUrl} alt={picture} className="image-picture" />
        <div>
          <Facts image={image} />
          {image.pixels && <Channels pixels={image.pixels} />}
          <Downloads image={image} />
        </div>
      </div>
      {createdBy && (
        <Section title="Made by">
          <JobList jobs={[createdBy]} label="The job that made this image" />
        </Section>
      )}
      {jobs.length > 0 && (
        <Section title="Jobs on this image">
          <JobList jobs={jobs} label="Jobs on this image" />
        </Section>
      )}
    </article>
  );
}

export function ImagePage({ legacyId }: { legacyId: string }) {
  const answer = useQuery(IMAGE, { legacyId });
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
