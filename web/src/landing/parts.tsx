/** Small pieces that several pages use: a section, a notice, the picture of an image. */
import { type ReactNode, useId, useState } from 'react';
import type { ApiError } from '../api';
import { sizeText } from './format';
import type { Card } from './queries';
import { imagePath, Link } from './router';

export function Section({
  title,
  aside,
  children,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section className="section" aria-labelledby={id}>
      <header className="section-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

export function Notice({ error, retry }: { error: ApiError; retry?: () => void }) {
  return (
    <div className="notice" role="alert">
      <p>{error.message}</p>
      {retry && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** A picture that says so when it cannot be had, instead of the browser's broken sign. */
export function Picture({ src, alt, className }: { src: string | null; alt: string; className: string }) {
  const [failed, setFailed] = useState<string | null>(null);
  if (!src || failed === src) {
    return (
      <span className={`${className} picture-none`} role="img" aria-label={`${alt}: no picture`}>
        no picture
      </span>
    );
  }
  return (
    <img
      className={className}
      src={src}
      alt={alt}
      loading="lazy"
      decoding="async"
      onError={() => setFailed(src)}
    />
  );
}

export function ImageCard({ image }: { image: Card }) {
  return (
    <Link href={imagePath(image.legacyId)} className="card">
      <Picture src={image.thumbnailUrl} alt="" className="card-picture" />
      <span className="card-name" title={image.name}>
        {image.name}
      </span>
      <span className="card-sizes">{sizeText(image.pixels)}</span>
    </Link>
  );
}

export function ImageGrid({ images, label }: { images: readonly Card[]; label: string }) {
  return (
    <ul className="grid" aria-label={label}>
      {images.map((image) => (
        <li key={image.id}>
          <ImageCard image={image} />
        </li>
      ))}
    </ul>
  );
}

/** Grey cards that hold the place of pictures still on their way. */
export function GridPlaceholder({ cards }: { cards: number }) {
  return (
    <div className="grid" role="status" aria-label="Loading images">
      {Array.from({ length: cards }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholders are all alike and never move.
        <span key={index} className="card card-waiting" />
      ))}
    </div>
  );
}
