/** GraphiQL, wholly from this server: editors, workers, fonts and examples. */
import 'graphiql/setup-workers/vite';
import { GraphiQL, type GraphiQLProps, HISTORY_PLUGIN } from 'graphiql';
import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import './graphiql.css';
import { EXAMPLES_PLUGIN, Panel } from './Examples';
import { type Example, examples, fillVariables, variablesText } from './examples';
import { createFetcher } from './fetcher';
import { start } from './start';

const remembers = (what: string): boolean => localStorage.getItem(`graphiql:${what}`) !== null;

const settings = (filled: readonly Example[]): GraphiQLProps => ({
  fetcher: createFetcher(),
  plugins: [HISTORY_PLUGIN, EXAMPLES_PLUGIN],
  defaultTabs: filled.map(({ query, variables }) => ({ query, variables: variablesText(variables) })),
  defaultEditorToolsVisibility: 'variables',
  // The tabs bring their variables with them, but the editor does not fill itself with those of the first.
  ...(remembers('tabState') ? {} : { initialVariables: variablesText(filled[0]?.variables ?? {}) }),
  // The panel of examples opens by itself until the reader has chosen a panel, or none.
  ...(remembers('visiblePlugin') ? {} : { visiblePlugin: EXAMPLES_PLUGIN }),
});

const root = document.getElementById('root');
if (root) {
  const { user, ids } = await start();
  const filled = examples.map((example) => ({
    ...example,
    variables: fillVariables(example.variables, ids),
  }));
  createRoot(root).render(
    <Panel value={{ examples: filled, user }}>
      <GraphiQL {...settings(filled)}>
        <GraphiQL.Logo>
          <a className="hub-home" href="/" aria-label="imagehub, start page">
            imagehub
          </a>
        </GraphiQL.Logo>
      </GraphiQL>
    </Panel>,
  );
}
