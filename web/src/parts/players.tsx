// People, wherever they are shown.

import { useEffect, useId, useState } from 'react';
import { Link } from 'wouter';

import { graphql } from '../api/gql';
import { useRead } from '../api/hooks';
import { Failure, useTyped } from '../ui/parts';

export function Avatar({ name, large }: { name: string; large?: boolean }) {
  return (
    <span className={large ? 'avatar large' : 'avatar'} aria-hidden>
      {name.slice(0, 2).toUpperCase()}
    </span>
  );
}

/** Where a player is shown; in that mode, or else in what they played last. */
export function playerPath(username: string, mode?: string): string {
  return `/players/${encodeURIComponent(username)}${mode ? `?mode=${encodeURIComponent(mode)}` : ''}`;
}

/** A name in the address of a page. Whatever stands there, a page comes. */
export function nameIn(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function PlayerLink({ username, mode }: { username: string; mode?: string }) {
  return (
    <Link className="plain" href={playerPath(username, mode)}>
      {username}
    </Link>
  );
}

/** So many are found at most. */
const LISTED = 8;

const Search = graphql(`
  query SearchUsers($search: String!) {
    users(search: $search, first: 8) {
      nodes {
        id
        username
        presence
      }
    }
  }
`);

function said(found: number, search: string): string {
  if (found === 0) return `Nobody’s name begins with “${search}”.`;
  return found < LISTED ? `${found} found.` : `The first ${LISTED} that were found.`;
}

/** Finds somebody by how their name begins. */
export function PlayerSearch({ label, choose }: { label: string; choose: (user: { id: string; username: string }) => void }) {
  const [text, setText] = useState('');
  const typed = text.trim();
  const search = useTyped(typed);
  const { data, error, reload } = useRead(Search, search ? { search } : null);
  const id = useId();
  const found = (search && data?.users.nodes) || [];
  const settled = typed === search && data !== undefined;
  // Enter takes the first, once it is there.
  const [hurry, setHurry] = useState(false);
  const pick = (user: { id: string; username: string }) => {
    setText('');
    choose(user);
  };
  useEffect(() => {
    if (!hurry || !settled) return;
    setHurry(false);
    if (found[0]) pick(found[0]);
  }, [hurry, settled]);
  return (
    <form
      role="search"
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        setHurry(typed !== '');
      }}
    >
      <div className="field">
        <label htmlFor={id}>{label}</label>
        <input
          id={id}
          type="search"
          autoComplete="off"
          placeholder="A name"
          value={text}
          onChange={(event) => {
            setHurry(false);
            setText(event.target.value);
          }}
        />
      </div>
      <p role="status" className="quiet small">
        {typed && (typed !== search || (!data && !error)) && 'Looking …'}
        {settled && typed && said(found.length, search)}
      </p>
      {search && error && <Failure error={error} retry={reload} />}
      {found.length > 0 && (
        <ul className="row" aria-label="Found">
          {found.map((user) => (
            <li key={user.id}>
              <button type="button" onClick={() => pick(user)}>
                {user.username}
              </button>
            </li>
          ))}
        </ul>
      )}
    </form>
  );
}
