// What to play, and where.

import { useState } from 'react';

import { graphql } from '../../api/gql';
import type { PartyPartsFragment } from '../../api/gql/graphql';
import { useAct, useViewer } from '../../api/hooks';
import { allowSound } from '../../parts/alarm';
import type { useCatalog } from '../../parts/catalog';
import type { Ticket } from '../../parts/ticket';
import { Badge, Card, Choice, Failure, Loading, Refusal } from '../../ui/parts';
import { Queue } from '../live/queue';

const JoinQueue = graphql(`
  mutation JoinQueue($input: JoinQueueInput!) {
    joinQueue(input: $input) {
      ticket {
        ...WaitingTicket
        ...TicketWhy
      }
    }
  }
`);

const RULES = new Intl.PluralRules('en', { type: 'ordinal' });
const ENDS: Partial<Record<Intl.LDMLPluralRule, string>> = { one: 'st', two: 'nd', few: 'rd' };
const ORDER = { format: (place: number) => `${place}${ENDS[RULES.select(place)] ?? 'th'}` };

export function Setup({
  catalog,
  party,
  self,
  joined,
  refused,
}: {
  catalog: ReturnType<typeof useCatalog>;
  party: PartyPartsFragment | null;
  self: string;
  joined: (ticket: Ticket) => void;
  refused: () => void;
}) {
  const home = useViewer()?.region?.id;
  const [mode, setMode] = useState<string>();
  const [places, setPlaces] = useState<string[]>(home ? [home] : []);
  const act = useAct(JoinQueue, ({ joinQueue }) => joined(joinQueue.ticket));
  if (!catalog.data)
    return catalog.error ? <Failure error={catalog.error} retry={catalog.reload} /> : <Loading what="what can be played" />;
  const { modes, regions } = catalog.data;
  const size = party?.members.length ?? 1;
  const fitting = modes.filter(({ teamSize }) => teamSize >= size);
  const chosen = fitting.find(({ id }) => id === mode) ?? fitting[0];
  const follows = party !== null && party.leader.id !== self;
  const waits = party?.members.filter(({ ready, user }) => !ready && user.id !== party.leader.id) ?? [];
  const queue = () => {
    if (!chosen) return;
    allowSound();
    const input = { mode: chosen.id, regions: places.map((region) => ({ region })) };
    void act.run({ input }).then((done) => done || refused());
  };
  return (
    <div className="stack">
      <Card title="What to play">
        <Choice
          label="Mode"
          value={chosen?.id ?? ''}
          options={fitting.map(({ id, name }) => ({ value: id, label: name }))}
          onChange={setMode}
        />
        <fieldset className="row" style={{ border: 0, padding: 0, margin: 0 }}>
          <legend className="small quiet">Where, the first of them best</legend>
          {regions.map(({ id, name }) => (
            <label key={id} className="check">
              <input
                type="checkbox"
                checked={places.includes(id)}
                onChange={(event) => setPlaces((now) => (event.target.checked ? [...now, id] : now.filter((one) => one !== id)))}
              />
              {name}
              {places.length > 1 && places.includes(id) && <Badge>{ORDER.format(places.indexOf(id) + 1)}</Badge>}
            </label>
          ))}
        </fieldset>
        {follows ? (
          <p role="status">{party.leader.username} queues for all of you.</p>
        ) : (
          <div className="row">
            <button type="button" className="main large" onClick={queue} disabled={act.busy || !chosen}>
              {size > 1 ? `Play with ${size - 1} ${size === 2 ? 'other' : 'others'}` : 'Play'}
            </button>
            {waits.length > 0 && (
              <span className="quiet">
                {waits.map(({ user }) => user.username).join(', ')} {waits.length === 1 ? 'is' : 'are'} not ready yet.
              </span>
            )}
          </div>
        )}
        <Refusal error={act.error} />
      </Card>
      {chosen && <Queue key={chosen.id} mode={chosen} />}
    </div>
  );
}
