// One player: how they stand, how they got there, whom they met.

import { useEffect, useEffectEvent, useState } from 'react';
import { useSearchParams } from 'wouter';

import { graphql } from '../../api/gql';
import type { PlayerStandingFragment, Presence } from '../../api/gql/graphql';
import { codeOf } from '../../api/errors';
import { useRead, useStream } from '../../api/hooks';
import { BlockButton } from '../../parts/blocks';
import { Avatar } from '../../parts/players';
import { Badge, Card, Choice, day, Empty, Failure, Loading, number, Page, When } from '../../ui/parts';
import { RecentMatches } from './matches';
import { RatingHistory } from './rating';

graphql(`
  fragment PlayerStanding on Standing {
    mmr
    uncertainty
    peakMmr
    placementsLeft
    wins
    losses
    draws
    streak
    kills
    deaths
    assists
    listed
    lastMatchAt
    rank
    percentile
    nextTierAtMmr
    mode {
      id
      name
    }
    season {
      id
      name
    }
    tier {
      label
      minMmr
    }
  }
`);

const Player = graphql(`
  query Player($by: UserBy!) {
    user(by: $by) {
      id
      username
      country
      bio
      createdAt
      presence
      role
      region {
        id
        name
      }
      standings {
        ...PlayerStanding
      }
    }
  }
`);

const PlayerRankChanged = graphql(`
  subscription PlayerRankChanged($userIds: [ID!]) {
    rankChanged(userIds: $userIds) {
      cursor
    }
  }
`);

/** How often it is looked at. */
const LOOK_MS = 10_000;

const PRESENCE: Record<Presence, { label: string; tone?: 'good' | 'accent' | 'warn' }> = {
  OFFLINE: { label: 'Away' },
  ONLINE: { label: 'Here', tone: 'good' },
  IN_QUEUE: { label: 'In the queue', tone: 'warn' },
  IN_MATCH: { label: 'Playing', tone: 'accent' },
};

export default function PlayerPage({ name }: { name: string }) {
  const { data, error, reload } = useRead(Player, { by: { username: name } });
  const user = data?.user;
  const [search, setSearch] = useSearchParams();
  const picked = search.get('mode');
  // Until one is chosen: what they had played last when one came.
  const [first, setFirst] = useState<string>();
  const latest = user?.standings.toSorted((a, b) => (b.lastMatchAt ?? '').localeCompare(a.lastMatchAt ?? ''))[0]?.mode.id;
  useEffect(() => setFirst((now) => now ?? latest), [latest]);
  // Grows with each change that is heard of: what is shown is read again.
  const [changes, setChanges] = useState(0);
  const heard = () => {
    setChanges((n) => n + 1);
    reload();
  };
  // Whether they are here, and new matches of theirs, are told by nothing.
  const [looks, setLooks] = useState(0);
  const look = useEffectEvent(() => {
    if (document.visibilityState === 'hidden') return;
    setLooks((n) => n + 1);
    reload();
  });
  useEffect(() => {
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  useStream(PlayerRankChanged, user ? { userIds: [user.id] } : null, heard, { togetherMs: 1_000 });
  // A name that nobody can have is nobody's, too.
  if (!user && (data || codeOf(error) === 'BAD_USER_INPUT'))
    return (
      <Page title={name}>
        <Empty title="Nobody has this name.">It may have been changed, or the account deleted.</Empty>
      </Page>
    );
  if (!user) return <Page title={name}>{error ? <Failure error={error} retry={reload} /> : <Loading what={name} />}</Page>;
  const standing = user.standings.find(({ mode }) => mode.id === (picked ?? first ?? latest));
  const presence = PRESENCE[user.presence];
  return (
    <Page
      title={user.username}
      aside={
        user.standings.length > 1 && (
          <Choice
            label="Mode"
            value={standing?.mode.id ?? ''}
            options={user.standings.map(({ mode }) => ({ value: mode.id, label: mode.name }))}
            onChange={(mode) => setSearch({ mode })}
          />
        )
      }
    >
      <div className="row">
        <Avatar name={user.username} large />
        <div>
          <p className="row">
            <Badge tone={presence.tone}>{presence.label}</Badge>
            {user.role !== 'PLAYER' && <Badge>{user.role.toLowerCase()}</Badge>}
            <span className="quiet small">
              {[user.country, user.region?.name].filter(Boolean).join(' · ')} · here since {day(user.createdAt)}
            </span>
          </p>
          {user.bio && <p dir="auto">{user.bio}</p>}
        </div>
        <BlockButton userId={user.id} />
      </div>
      {standing ? (
        <>
          <Standing of={standing} />
          <RatingHistory user={user.id} mode={standing.mode.id} changes={changes} />
        </>
      ) : (
        <Card title="Standing">
          <Empty title={picked ? 'No match of this mode in this season.' : 'No match in this season yet.'} />
        </Card>
      )}
      <RecentMatches
        key={standing?.mode.id}
        user={user.id}
        name={user.username}
        mode={standing?.mode.id ?? null}
        changes={changes + looks}
      />
    </Page>
  );
}

function Standing({ of }: { of: PlayerStandingFragment }) {
  const { tier, nextTierAtMmr, mmr } = of;
  const towards = tier && nextTierAtMmr ? (mmr - tier.minMmr) / (nextTierAtMmr - tier.minMmr) : null;
  const played = of.wins + of.losses + of.draws;
  return (
    <Card
      title={`${of.mode.name}, ${of.season.name}`}
      aside={
        of.lastMatchAt && (
          <span className="quiet small">
            last played <When at={of.lastMatchAt} />
          </span>
        )
      }
    >
      <dl className="facts">
        <Fact name="Tier" value={tier?.label ?? `${of.placementsLeft} to place`} />
        <Fact name="Place" value={of.rank ? `#${number(of.rank)}` : of.listed ? '–' : 'not listed'} />
        <Fact name="Rating" value={`${number(mmr)} ± ${number(of.uncertainty)}`} />
        <Fact name="Better than" value={of.percentile === null ? '–' : `${number(of.percentile, 1)} %`} />
        <Fact name="Peak" value={number(of.peakMmr)} />
        <Fact name="Won–lost" value={`${of.wins}–${of.losses}${of.draws ? `–${of.draws}` : ''}`} />
        <Fact name="Wins" value={played ? `${Math.round((of.wins / played) * 100)} %` : '–'} />
        <Fact name="Streak" value={of.streak === 0 ? '–' : `${Math.abs(of.streak)} ${of.streak > 0 ? 'won' : 'lost'}`} />
        <Fact name="Kills–deaths–assists" value={`${of.kills}–${of.deaths}–${of.assists}`} />
      </dl>
      {towards !== null && nextTierAtMmr && (
        <div>
          <div className="bar" aria-hidden>
            <i style={{ width: `${Math.min(100, Math.max(0, towards * 100))}%` }} />
          </div>
          <p className="quiet small">{number(Math.max(0, nextTierAtMmr - mmr))} to the next division</p>
        </div>
      )}
    </Card>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
