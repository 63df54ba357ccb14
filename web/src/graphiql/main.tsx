/** GraphiQL, wholly from this server: editors, workers, fonts and examples. */
import 'graphiql/setup-workers/vite';
import { GraphiQL, type GraphiQLProps, HISTORY_PLUGIN } from 'graphiql';
import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import './graphiql.css';
import { EXAMPLES_PLUGIN, Opened } from './Examples';
import { examples, fillVariables, variablesText } from './examples';
import { createFetcher } from './fetcher';
import { type Start, start } from './start';

const remembers = (what: string): boolean => localStorage.getItem(`graphiql:${what}`) !== null;

/** What the editor of variables takes for the hub's own scalars; it knows texts and numbers by itself. */
const SCALARS: NonNullable<GraphiQLProps['customScalarSchemas']> = {
  JSON: { type: ['object', 'array', 'string', 'number', 'boolean', 'null'] },
  BigInt: { type: ['integer', 'string'] },
};

function settings(ids: Start['ids']): GraphiQLProps {
  const tabs = examples.map(({ query, variables }) => ({
    query,
    variables: variablesText(fillVariables(variables, ids)),
  }));
  return {
    fetcher: createFetcher(),
    customScalarSchemas: SCALARS,
    plugins: [HISTORY_PLUGIN, EXAMPLES_PLUGIN],
    defaultTabs: tabs,
    defaultEditorToolsVisibility: 'variables',
    // The tabs bring their variables with them, but the editor does not fill itself with those of the first.
    ...(remembers('tabState') ? {} : { initialVariables: tabs[0]?.variables ?? '' }),
    // The panel of examples opens by itself until the reader has chosen a panel, or none.
    ...(remembers('visiblePlugin') ? {} : { visiblePlugin: EXAMPLES_PLUGIN }),
  };
}

const root = document.getElementById('root');
if (root) {
  const opened = await start();
  createRoot(root).render(
    <Opened value={opened}>
      <GraphiQL {...settings(opened.ids)}>
        <GraphiQL.Logo>
          <a className="hub-home" href="/" aria-label="imagehub, start page">
            imagehub
          </a>
        </GraphiQL.Logo>
      </GraphiQL>
    </Opened>,
  );
}
