/** Where each dialect lives on this server, and which of them are not offered yet. */
import type { Dialect } from '../api';
import { Section } from './parts';

/** Only a whole path on this server is a place to go to; a pattern such as `/zarr/{id}.zarr` is shown as text. */
export const isPlace = (path: string): boolean => /^\/[^{}*]*$/.test(path);

function Row({ dialect }: { dialect: Dialect }) {
  const path = <code>{dialect.path}</code>;
  return (
    <tr>
      <th scope="row">{dialect.name}</th>
      <td>{dialect.available && isPlace(dialect.path) ? <a href={dialect.path}>{path}</a> : path}</td>
      <td>
        <span className={dialect.available ? 'pill pill-on' : 'pill'}>
          {dialect.available ? 'offered' : 'not yet offered'}
        </span>
      </td>
      <td className="dialect-note">{dialect.note}</td>
    </tr>
  );
}

export function Dialects({ dialects }: { dialects: readonly Dialect[] }) {
  return (
    <Section title="Where each dialect lives">
      <div className="table-frame">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Dialect</th>
              <th scope="col">Address</th>
              <th scope="col">State</th>
              <th scope="col">For</th>
            </tr>
          </thead>
          <tbody>
            {dialects.map((dialect) => (
              <Row key={dialect.name} dialect={dialect} />
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}
