// GraphiQL, with operations to begin with. It has a page of its own: nobody else loads its editor.

import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './explore.css';

import { createGraphiQLFetcher, type Fetcher, type FetcherParams } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { Kind, parse } from 'graphql';
import { createClient } from 'graphql-ws';
import { useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';

import { renewed, session, token } from '../api/session';
import { useStore } from '../api/store';
import { theme } from '../ui/theme';
import { EXAMPLES } from './examples';

const url = new URL('/graphql', location.href);
const socketUrl = new URL(url);
socketUrl.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';

/** What the headers editor says about who asks; else whoever is signed in to the console. */
function authorization(headers: Record<string, string> = {}): Record<string, string> {
  const named = Object.keys(headers).find((name) => name.toLowerCase() === 'authorization');
  if (named) return { authorization: headers[named]! };
  const bearer = token.get();
  return bearer ? { authorization: `Bearer ${bearer}` } : {};
}

/** What is to be run, and of which document: for a moment after another tab was opened GraphiQL still tells of the last one's. */
function asked(params: FetcherParams) {
  try {
    const documentAST = parse(params.query);
    const [only, ...more] = documentAST.definitions.filter((part) => part.kind === Kind.OPERATION_DEFINITION);
    const operationName = only && more.length === 0 ? only.name?.value : params.operationName;
    return { params: { ...params, operationName }, documentAST };
  } catch {
    return { params };
  }
}

const fetcher: Fetcher = async (operation, options) => {
  if (session.get().phase === 'restoring') await renewed();
  const headers = { ...(options?.headers as Record<string, string> | undefined) };
  const who = authorization(headers);
  const wsClient = createClient({ url: socketUrl.href, connectionParams: () => who });
  const { params, documentAST } = asked(operation);
  return createGraphiQLFetcher({ url: url.href, wsClient })(params, { documentAST, headers: { ...headers, ...who } });
};

const system = matchMedia('(prefers-color-scheme: dark)');

function followSystem(changed: () => void) {
  system.addEventListener('change', changed);
  return () => system.removeEventListener('change', changed);
}

function Explore() {
  // GraphiQL follows the system in its frame, but not in its editors.
  const dark = useSyncExternalStore(followSystem, () => system.matches);
  const chosen = useStore(theme);
  const colours = chosen === 'system' ? (dark ? 'dark' : 'light') : chosen;
  return (
    <>
      <nav className="explore-top" aria-label="Pages">
        <a href="/">← RankedHonor</a>
        <span>Everything that the console does, you can do here.</span>
      </nav>
      <main className="explore">
        <h1 className="hidden">Explore the API</h1>
        <GraphiQL
          fetcher={fetcher}
          defaultTabs={EXAMPLES}
          shouldPersistHeaders={false}
          defaultEditorToolsVisibility="variables"
          forcedTheme={colours}
        />
      </main>
    </>
  );
}

createRoot(document.getElementById('root')!).render(<Explore />);
