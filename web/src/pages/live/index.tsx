// What is being played now: queues, matches, and what happens.

import { useEffect, useEffectEvent, useState } from 'react';
import { useSearchParams } from 'wouter';

import { client } from '../../api/client';
import { graphql } from '../../api/gql';
import type { MatchCardFragment, ModePartsFragment } from '../../api/gql/graphql';
import { useRead, useStream } from '../../api/hooks';
import { comebacks, connection } from '../../api/live';
import { useStore } from '../../api/store';
import { ActivityFeed } from '../../parts/feed';
import { isOpen, MatchCard } from '../../parts/matches';
import { useCatalog } from '../../parts/catalog';
import { useCutOff } from '../../parts/cut-off';
import { Card, Choice, Empty, Failure, Loading, Page } from '../../ui/parts';
import { Queue } from './queue';

const LiveMatches = graphql(`
  subscription LiveMatches($mode: ModeId) {
    liveMatches(mode: $mode) {
      ...MatchCard
    }
  }
`);

const MatchesNow = graphql(`
  query MatchesNow($ids: [ID!]!) {
    nodes(ids: $ids) {
      ... on Match {
        ...MatchCard
      }
    }
  }
`);

const LatestMatches = graphql(`
  query LatestMatches($filter: MatchFilter, $over: MatchFilter) {
    made: matches(filter: $filter, first: 12) {
      nodes {
        ...MatchCard
      }
    }
    over: matches(filter: $over, first: 6) {
      nodes {
        ...MatchCard
      }
    }
  }
`);

/** How many matches are shown at once, and how many that are over are kept in sight. */
const SHOWN = 24;
const OVER_KEPT = 6;
/** The stream names no more of those that were open before one came. */
const TOLD = 100;
/** How often the matches in sight are looked at: that one has begun, or was taken back, is told on its own page only. */
const LOOK_MS = 5_000;

export default function LivePage() {
  const catalog = useCatalog();
  const [search, setSearch] = useSearchParams();
  const wanted = search.get('mode');
  const live = useStore(connection) === 'live';
  const follows = !useCutOff() && live;
  return (
    <Page
      title="Live"
      aside={
        <span className="row quiet small">
          <span className={follows ? 'dot' : 'dot off'} aria-hidden /> {follows ? 'following' : 'connecting'}
        </span>
      }
    >
      {catalog.data ? (
        <Shown modes={catalog.data.modes} wanted={wanted} choose={(mode) => setSearch(mode ? { mode } : {})} />
      ) : catalog.error ? (
        <Failure error={catalog.error} retry={catalog.reload} />
      ) : (
        <Loading what="what is played" />
      )}
    </Page>
  );
}

/** All of it at once, when it is known what there is: nothing is pushed down by what comes later. */
function Shown({ modes, wanted, choose }: { modes: ModePartsFragment[]; wanted: string | null; choose: (mode: string) => void }) {
  const mode = modes.find(({ id }) => id === wanted)?.id ?? '';
  return (
    <>
      <section aria-label="Queues" className="wide-grid">
        {modes.map((one) => (
          <Queue key={one.id} mode={one} />
        ))}
      </section>
      <div className="columns">
        <section className="stack tall" aria-label="Matches">
          <div className="apart">
            <h2>Matches</h2>
            <Choice
              label="Mode"
              value={wanted ?? ''}
              options={[{ value: '', label: 'All' }, ...modes.map(({ id, name }) => ({ value: id, label: name }))]}
              onChange={choose}
            />
          </div>
          {wanted && !mode ? <Empty title={`There is no mode “${wanted}”.`} /> : <Matches key={mode} mode={mode || null} />}
        </section>
        <ActivityFeed modes={modes} />
      </div>
    </>
  );
}

/** What was known of a match and what was heard of it: whatever is over stays over, and what was taken back stays so. */
function newer(known: MatchCardFragment | undefined, heard: MatchCardFragment): MatchCardFragment {
  if (!known || isOpen(known.status)) return heard;
  return isOpen(heard.status) || (known.voidedAt && !heard.voidedAt) ? known : heard;
}

function Matches({ mode }: { mode: string | null }) {
  const [matches, setMatches] = useState(new Map<string, MatchCardFragment>());
  // What was there before one looked is nothing new.
  const [since] = useState(() => new Date().toISOString());
  const put = (heard: MatchCardFragment[]) =>
    setMatches((now) => {
      const next = new Map(now);
      for (const match of heard) next.set(match.id, newer(next.get(match.id), match));
      const over = [...next.values()].filter((match) => !isOpen(match.status));
      over.sort((a, b) => (b.endedAt ?? '').localeCompare(a.endedAt ?? ''));
      for (const match of over.slice(OVER_KEPT)) next.delete(match.id);
      return next;
    });
  const error = useStream(LiveMatches, { mode }, (heard) => put(heard.map((one) => one.liveMatches)));
  const before = useRead(LatestMatches, { filter: { mode }, over: { mode, status: 'COMPLETED' } });
  // After a break the stream says anew what is open; what it does not name is over.
  const back = useStore(comebacks);
  useEffect(() => setMatches((now) => new Map([...now].filter(([, match]) => !isOpen(match.status)))), [back]);
  useEffect(() => {
    if (before.data) put([...before.data.made.nodes, ...before.data.over.nodes]);
  }, [before.data]);

  const all = [...matches.values()];
  const open = all.filter((match) => isOpen(match.status)).sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  const shown = open.slice(0, SHOWN);
  const over = all.filter((match) => !isOpen(match.status));
  const look = useEffectEvent(async () => {
    if (all.length === 0 || document.visibilityState === 'hidden') return;
    const { data } = await client.query(MatchesNow, { ids: [...shown, ...over].map((match) => match.id) }).toPromise();
    put(data?.nodes.filter((node): node is MatchCardFragment => node !== null && 'status' in node) ?? []);
  });
  useEffect(() => {
    const timer = setInterval(() => void look(), LOOK_MS);
    return () => clearInterval(timer);
  }, []);

  if (error && all.length === 0) return <Failure error={error} />;
  if (!before.data && all.length === 0)
    return before.error ? <Failure error={before.error} retry={before.reload} /> : <Loading what="matches" />;
  if (all.length === 0) return <Empty title="Nobody plays just now.">Matches appear here the moment they are made.</Empty>;
  return (
    <>
      <p className="quiet small">
        {open.length === 0
          ? 'Nobody plays just now.'
          : `${open.length < TOLD ? open.length : `${TOLD} or more`} open${open.length > SHOWN ? `, the newest ${SHOWN} of them here` : ''}`}
      </p>
      <div className="grid" data-testid="open-matches">
        {shown.map((match) => (
          <MatchCard key={match.id} match={match} fresh={match.createdAt > since} />
        ))}
      </div>
      {over.length > 0 && (
        <Card title="Just over">
          <div className="grid" data-testid="matches-over">
            {over.map((match) => (
              <MatchCard key={match.id} match={match} fresh={(match.endedAt ?? '') > since} />
            ))}
          </div>
        </Card>
      )}
    </>
  );
}
