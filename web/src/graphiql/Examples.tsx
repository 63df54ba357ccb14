/** The panel of examples beside the editors: who is asking, and a button for each example. */
import { type GraphiQLPlugin, pick, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { Kind, parse } from 'graphql';
import { createContext, useContext } from 'react';
import type { SessionUser } from '../api';
import { type Example, examples, fillVariables, variablesText } from './examples';
import { type Start, start } from './start';

/** What was known when the page opened; plugins get no properties of their own. */
export const Opened = createContext<Start>({ user: null, ids: {} });

function Who({ user }: { user: SessionUser | null }) {
  if (user) {
    return (
      <p className="hub-who">
        Signed in as <strong>{user.username}</strong>. The session cookie goes along with each request.
      </p>
    );
  }
  return (
    <p className="hub-who">
      Nobody is signed in. <a href="/">Sign in</a>, or write a token under <em>Headers</em>:{' '}
      <code>{'{"Authorization": "Bearer …"}'}</code>
    </p>
  );
}

function ExampleIcon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M4 5h10M4 10h7M4 15h5" strokeLinecap="round" />
      <path d="m13 13 7 4-7 4z" strokeLinejoin="round" />
    </svg>
  );
}

/**
 * Show an example in the tab that holds it, or in a new one, with ids looked up anew: the job to watch is often one
 * that was started a moment ago.
 *
 * The editor reads which operation is meant only a moment after its text changed, so it is told at once: else a
 * quick reader would run the operation of the tab before.
 */
function useOpen(): (example: Example) => Promise<void> {
  const { addTab, changeTab, setOperationFacts } = useGraphiQLActions();
  const { queryEditor, variableEditor, tabs } = useGraphiQL(pick('queryEditor', 'variableEditor', 'tabs'));
  const opened = useContext(Opened);
  return async (example) => {
    const { ids } = await start();
    const held = tabs.findIndex((tab) => tab.query === example.query);
    if (held >= 0) changeTab(held);
    else addTab();
    queryEditor?.setValue(example.query);
    variableEditor?.setValue(variablesText(fillVariables(example.variables, { ...opened.ids, ...ids })));
    const documentAST = parse(example.query);
    const operations = documentAST.definitions.filter((part) => part.kind === Kind.OPERATION_DEFINITION);
    const operationName = operations[0]?.name?.value;
    setOperationFacts({ documentAST, operations, ...(operationName ? { operationName } : {}) });
    queryEditor?.focus();
  };
}

function Content() {
  const { user } = useContext(Opened);
  const open = useOpen();
  return (
    <section aria-label="Examples" className="hub-examples">
      <h2>Examples</h2>
      <Who user={user} />
      <ul>
        {examples.map((example) => (
          <li key={example.title}>
            <button type="button" onClick={() => void open(example)}>
              <strong>{example.title}</strong>
              <span>{example.note}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export const EXAMPLES_PLUGIN: GraphiQLPlugin = { title: 'Examples', icon: ExampleIcon, content: Content };
