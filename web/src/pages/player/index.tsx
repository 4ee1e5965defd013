// One player: how they stand, how they got there, whom they met.

import { useState } from 'react';

import { graphql } from '../../api/gql';
import type { PlayerStandingFragment, Presence } from '../../api/gql/graphql';
import { useRead, useStream } from '../../api/hooks';
import { BlockButton } from '../../parts/blocks';
import { Avatar } from '../../parts/players';
import { Badge, Card, Choice, Empty, Failure, Loading, number, Page, When } from '../../ui/parts';
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

const PRESENCE: Record<Presence, { label: string; tone?: 'good' | 'accent' | 'warn' }> = {
  OFFLINE: { label: 'Away' },
  ONLINE: { label: 'Here', tone: 'good' },
  IN_QUEUE: { label: 'In the queue', tone: 'warn' },
  IN_MATCH: { label: 'Playing', tone: 'accent' },
};

export default function PlayerPage({ name }: { name: string }) {
  const { data, error, reload } = useRead(Player, { by: { username: name } });
  const user = data?.user;
  const [picked, setPicked] = useState<string>();
  // Grows with each change that is heard of: what is shown is read again.
  const [changes, setChanges] = useState(0);
  const heard = () => {
    setChanges((n) => n + 1);
    reload();
  };
  useStream(PlayerRankChanged, user ? { userIds: [user.id] } : null, heard, { togetherMs: 1_000 });
  if (!data) return <Page title={name}>{error ? <Failure error={error} retry={reload} /> : <Loading what={name} />}</Page>;
  if (!user)
    return (
      <Page title={name}>
        <Empty title="Nobody has this name.">It may have been changed, or the account deleted.</Empty>
      </Page>
    );
  // Until one is chosen: what they played last.
  const latest = user.standings.toSorted((a, b) => (b.lastMatchAt ?? '').localeCompare(a.lastMatchAt ?? ''))[0];
  const standing = user.standings.find(({ mode }) => mode.id === picked) ?? latest;
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
            onChange={setPicked}
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
              {[user.country, user.region?.name].filter(Boolean).join(' · ')} · here since{' '}
              {new Date(user.createdAt).toLocaleDateString()}
            </span>
          </p>
          {user.bio && <p>{user.bio}</p>}
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
          <Empty title="No match in this season yet." />
        </Card>
      )}
      <RecentMatches user={user.id} name={user.username} mode={standing?.mode.id ?? null} changes={changes} />
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
        <Fact name="Rating" value={`${number(mmr)} ± ${of.uncertainty}`} />
        <Fact name="Better than" value={of.percentile === null ? '–' : `${of.percentile.toFixed(1)} %`} />
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
