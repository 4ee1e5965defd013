// Matches, wherever they are shown.

import { Link } from 'wouter';

import { graphql } from '../api/gql';
import type { MatchCardFragment, MatchStatus } from '../api/gql/graphql';
import { Badge, number, When } from '../ui/parts';
import { PlayerLink } from './players';

graphql(`
  fragment MatchCard on Match {
    id
    status
    averageMmr
    mmrSpread
    winProbabilities
    createdAt
    endedAt
    cancelReason
    voidedAt
    mode {
      id
      name
    }
    region {
      id
      name
    }
    teams {
      index
      outcome
      score
      players {
        mmrBefore
        mmrChange
        user {
          id
          username
        }
      }
    }
  }
`);

const STATUS: Record<MatchStatus, { label: string; tone?: 'good' | 'warn' | 'accent' }> = {
  READY_CHECK: { label: 'Ready check', tone: 'warn' },
  PENDING: { label: 'About to start', tone: 'warn' },
  IN_PROGRESS: { label: 'In progress', tone: 'accent' },
  COMPLETED: { label: 'Over' },
  CANCELLED: { label: 'Cancelled' },
};

export function isOpen(status: MatchStatus): boolean {
  return status !== 'COMPLETED' && status !== 'CANCELLED';
}

export function StatusBadge({ status, voidedAt }: { status: MatchStatus; voidedAt?: string | null }) {
  if (voidedAt) return <Badge tone="bad">Voided</Badge>;
  const { label, tone } = STATUS[status];
  return <Badge tone={tone}>{label}</Badge>;
}

export function Change({ value }: { value: number | null | undefined }) {
  if (value === null || value === undefined) return null;
  if (Math.round(value) === 0) return <span className="number quiet">±0</span>;
  return <span className={`number ${value < 0 ? 'bad' : 'good'}`}>{value < 0 ? `−${number(-value)}` : `+${number(value)}`}</span>;
}

/** What an operator or the server wrote, as a sentence begins. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A reason that somebody wrote, as a sentence. */
export function sentence(reason: string | null): string {
  if (!reason) return 'No reason was given.';
  return `${capital(reason)}${/[.!?]$/.test(reason) ? '' : '.'}`;
}

/** What a match is called: who plays, or where those are many, what they play. */
export function titleOf(match: { mode: { name: string }; teams: { players: { user: { username: string } }[] }[] }): string {
  const sides = match.teams.map((team) => team.players.map(({ user }) => user.username).join(' & '));
  if (match.teams.reduce((sum, team) => sum + team.players.length, 0) <= 4) return sides.join(' – ');
  return `${match.mode.name} · ${match.teams.map((_, index) => `Team ${index + 1}`).join(' – ')}`;
}

/** The chance of each team, as a bar and in words. */
export function Chances({ of }: { of: number[] }) {
  const words = of.map((chance) => `${Math.round(chance * 100)} %`).join(' to ');
  if (of.length !== 2) return <p className="small quiet">Chances: {words}</p>;
  return (
    <div>
      <div className="bar" aria-hidden>
        {of.map((chance, index) => (
          <i key={index} style={{ width: `${chance * 100}%` }} />
        ))}
      </div>
      <p className="small quiet">Predicted chances: {words}</p>
    </div>
  );
}

/** A match in short, with the way to its page. */
export function MatchCard({ match, fresh }: { match: MatchCardFragment; fresh?: boolean }) {
  const open = isOpen(match.status);
  const sides = match.teams.map((team) => team.players.map(({ user }) => user.username).join(' and ')).join(' against ');
  return (
    <article className={fresh ? 'card calm fresh' : 'card calm'} aria-label={`${match.mode.name} in ${match.region.name}`}>
      <div className="apart small">
        <span>
          <strong>{match.mode.name}</strong> <span className="quiet">{match.region.name}</span>
        </span>
        <StatusBadge status={match.status} voidedAt={match.voidedAt} />
      </div>
      <ul className="stack" style={{ gap: '0.2rem' }}>
        {match.teams.map((team) => (
          <li key={team.index} className="side">
            <span>
              {team.players.map(({ user, mmrBefore, mmrChange }, index) => (
                <span key={user.id}>
                  {index > 0 && ', '}
                  <PlayerLink username={user.username} mode={match.mode.id} />{' '}
                  <span className="quiet small number">{number(mmrBefore)}</span>
                  {mmrChange !== null && ' '}
                  <Change value={mmrChange} />
                </span>
              ))}
            </span>
            {team.outcome && (
              <span className={team.outcome === 'WIN' ? 'good' : 'quiet'}>
                {team.outcome === 'WIN' ? 'Won' : team.outcome === 'LOSS' ? 'Lost' : 'Draw'}
                {team.score !== null && ` ${team.score}`}
              </span>
            )}
          </li>
        ))}
      </ul>
      {open && <Chances of={match.winProbabilities} />}
      {match.status === 'CANCELLED' && match.cancelReason && <p className="small quiet">{capital(match.cancelReason)}</p>}
      <div className="apart small quiet">
        <When at={match.endedAt ?? match.createdAt} />
        <Link href={`/matches/${match.id}`} aria-label={`${open ? 'Watch' : 'View match'}: ${sides}`}>
          {open ? 'Watch' : 'View match'}
        </Link>
      </div>
    </article>
  );
}
