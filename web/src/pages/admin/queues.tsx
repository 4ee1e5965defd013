// The queues, and the rules they match by.

import { useState } from 'react';

import { graphql } from '../../api/gql';
import { useAct } from '../../api/hooks';
import { useCatalog } from '../../parts/catalog';
import { Card, Refusal } from '../../ui/parts';
import { Queue } from '../live/queue';
import { Pending } from './pages';

const Reload = graphql(`
  mutation ReloadMatchmaking {
    reloadMatchmaking {
      changed
    }
  }
`);

export function Queues({ admin }: { admin: boolean }) {
  const catalog = useCatalog();
  const [said, setSaid] = useState('');
  const act = useAct(Reload, ({ reloadMatchmaking }) =>
    setSaid(reloadMatchmaking.changed ? 'The new settings are in force.' : 'They say what they said before.'),
  );
  return (
    <>
      <Pending read={catalog} what="queues" />
      <div className="wide-grid">
        {catalog.data?.modes.map((mode) => (
          <Queue key={mode.id} mode={mode} />
        ))}
      </div>
      {admin && catalog.data && (
        <Card title="Matchmaking settings">
          <p className="quiet">
            Reads the matchmaking part of the settings’ file once more, on every instance. One that is wrong is refused.
          </p>
          <div>
            <button type="button" disabled={act.busy} onClick={() => void act.run({})}>
              Read them again
            </button>
          </div>
          <p role="status">{said}</p>
          <Refusal error={act.error} />
        </Card>
      )}
    </>
  );
}
