// One match: who plays, how likely, what happens, and what it did to the ratings.

import { useState } from 'react';

import { graphql } from '../../api/gql';
import type { MatchWholeFragment } from '../../api/gql/graphql';
import { codeOf } from '../../api/errors';
import { useLatest, useRead, useStream, useViewer } from '../../api/hooks';
import { Change, Chances, isOpen, sentence, StatusBadge, titleOf } from '../../parts/matches';
import { Avatar, PlayerLink } from '../../parts/players';
import { Undo } from '../../parts/undo';
import { Card, clock, Empty, Failure, Loading, number, Page, useNow, When } from '../../ui/parts';
import { Explained } from './explained';
import { Timeline } from './timeline';

graphql(`
  fragment MatchWhole on Match {
    id
    status
    averageMmr
    mmrSpread
    winProbabilities
    createdAt
    startedAt
    endedAt
    cancelReason
    voidedAt
    voidReason
    mode {
      id
      name
    }
    region {
      id
      name
    }
    season {
      id
      name
    }
    teams {
      index
      averageMmr
      outcome
      placement
      score
      players {
        mmrBefore
        mmrAfter
        mmrChange
        accepted
        kills
        deaths
        assists
        hero
        abandoned
        user {
          id
          username
        }
      }
    }
  }
`);

const TheMatch = graphql(`
  query TheMatch($id: ID!) {
    match(id: $id) {
      ...MatchWhole
    }
  }
`);

const MatchUpdated = graphql(`
  subscription MatchUpdated($id: ID!) {
    matchUpdated(matchId: $id) {
      ...MatchWhole
    }
  }
`);

const PlayersMoved = graphql(`
  subscription PlayersMoved($userIds: [ID!]) {
    rankChanged(userIds: $userIds) {
      cursor
    }
  }
`);

export default function MatchPage({ id }: { id: string }) {
  const { data, error, reload } = useRead(TheMatch, { id });
  const [match, setMatch] = useLatest<MatchWholeFragment>(data?.match);
  useStream(MatchUpdated, data?.match ? { id } : null, (heard) => setMatch(heard.at(-1)?.matchUpdated));
  // That stream ends with the match. What becomes of it later moves its players.
  const players = match?.teams.flatMap((team) => team.players.map(({ user }) => user.id)) ?? [];
  useStream(PlayersMoved, match && !isOpen(match.status) ? { userIds: players } : null, reload, { togetherMs: 500 });
  if (match) return <Shown match={match} changed={reload} />;
  return (
    <Page title="Match">
      {data || codeOf(error) === 'BAD_USER_INPUT' ? (
        <Empty title="There is no such match.">The address may have been cut short.</Empty>
      ) : error ? (
        <Failure error={error} retry={reload} />
      ) : (
        <Loading what="the match" />
      )}
    </Page>
  );
}

function Shown({ match, changed }: { match: MatchWholeFragment; changed: () => void }) {
  const [asked, setAsked] = useState<{ id: string; username: string }>();
  const [undoing, setUndoing] = useState(false);
  const runs = useViewer()?.role === 'ADMIN';
  const open = isOpen(match.status);
  const won = match.teams.filter((team) => team.outcome === 'WIN').map((team) => `Team ${team.index + 1} won.`);
  return (
    <Page
      title={titleOf(match)}
      aside={
        <span className="row">
          <span role="status">
            <StatusBadge status={match.status} voidedAt={match.voidedAt} />
            {match.status === 'COMPLETED' && !match.voidedAt && <span className="hidden"> {won[0] ?? 'Nobody won.'}</span>}
          </span>
          {runs && (open || (match.status === 'COMPLETED' && !match.voidedAt)) && (
            <button type="button" className="danger" onClick={() => setUndoing(true)}>
              {open ? 'Cancel it …' : 'Void it …'}
            </button>
          )}
        </span>
      }
    >
      <p className="quiet">
        {match.mode.name} in {match.region.name} · {match.season.name} · made <When at={match.createdAt} />
        {match.status === 'IN_PROGRESS' && match.startedAt && <Running since={match.startedAt} />}
      </p>
      {match.voidedAt && (
        <Card title="The result was taken back">
          <p dir="auto">{sentence(match.voidReason)}</p>
          <p>Ratings are as if it had never been played.</p>
        </Card>
      )}
      {match.status === 'CANCELLED' && (
        <Card title="Cancelled">
          <p dir="auto">{sentence(match.cancelReason)}</p>
        </Card>
      )}
      <div className="columns">
        <section className="stack" aria-label="Teams">
          {match.teams.map((team) => (
            <Card
              key={team.index}
              title={`Team ${team.index + 1}`}
              aside={
                <span className={team.outcome === 'WIN' ? 'good' : 'quiet'} data-testid="outcome">
                  {team.outcome === null ? `mean ${number(team.averageMmr)}` : OUTCOME[team.outcome]}
                  {team.score !== null && ` · ${team.score}`}
                </span>
              }
            >
              <ul className="list">
                {team.players.map((player) => (
                  <li key={player.user.id} className="apart">
                    <span className="name">
                      <Avatar name={player.user.username} />
                      <PlayerLink username={player.user.username} mode={match.mode.id} />
                      <span className="quiet small">
                        {player.hero}
                        {player.abandoned && ' left early'}
                        {match.status === 'READY_CHECK' && (player.accepted ? ' ready' : ' …')}
                      </span>
                    </span>
                    <span className="row number">
                      {match.status === 'COMPLETED' && (
                        <span className="quiet small" title="Kills, deaths, assists">
                          {player.kills}/{player.deaths}/{player.assists}
                        </span>
                      )}
                      <span>
                        {number(player.mmrBefore)}
                        {player.mmrAfter !== null && ` → ${number(player.mmrAfter)}`}
                      </span>
                      <Change value={player.mmrChange} />
                      {player.mmrChange !== null && !match.voidedAt && (
                        <button
                          type="button"
                          className="bare"
                          onClick={() => setAsked(player.user)}
                          aria-label={`Why did the rating of ${player.user.username} change so?`}
                        >
                          Why?
                        </button>
                      )}
                    </span>
                  </li>
                ))}
              </ul>
            </Card>
          ))}
          <Card title="Before it began">
            <Chances of={match.winProbabilities} />
            <p className="quiet small">
              Mean rating {number(match.averageMmr)}, {number(match.mmrSpread)} between the highest and the lowest.
            </p>
          </Card>
        </section>
        <Timeline key={match.voidedAt} id={match.id} open={open} />
      </div>
      {undoing && (
        <Undo
          match={match}
          close={() => setUndoing(false)}
          done={() => {
            setUndoing(false);
            changed();
          }}
        />
      )}
      {asked && <Explained user={asked} match={match} close={() => setAsked(undefined)} />}
    </Page>
  );
}

const OUTCOME = { WIN: 'Won', LOSS: 'Lost', DRAW: 'Draw' };

function Running({ since }: { since: string }) {
  const now = useNow(1_000);
  return <> · running for {clock((now - Date.parse(since)) / 1000)}</>;
}
