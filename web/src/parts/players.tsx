// People, wherever they are shown.

import { useDeferredValue, useId, useState } from 'react';
import { Link } from 'wouter';

import { graphql } from '../api/gql';
import { useRead } from '../api/hooks';

export function Avatar({ name, large }: { name: string; large?: boolean }) {
  return (
    <span className={large ? 'avatar large' : 'avatar'} aria-hidden>
      {name.slice(0, 2).toUpperCase()}
    </span>
  );
}

export function playerPath(username: string): string {
  return `/players/${encodeURIComponent(username)}`;
}

export function PlayerLink({ username }: { username: string }) {
  return (
    <Link className="plain" href={playerPath(username)}>
      {username}
    </Link>
  );
}

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

/** Finds somebody by how their name begins. */
export function PlayerSearch({ label, choose }: { label: string; choose: (user: { id: string; username: string }) => void }) {
  const [text, setText] = useState('');
  const search = useDeferredValue(text.trim());
  const { data } = useRead(Search, search ? { search } : null);
  const id = useId();
  const found = search ? (data?.users.nodes ?? []) : [];
  const pick = (user: { id: string; username: string }) => {
    setText('');
    choose(user);
  };
  return (
    <form
      role="search"
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (found[0]) pick(found[0]);
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
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <div role="status" className={search && data && found.length === 0 ? undefined : 'hidden'}>
        {search && data && found.length === 0 && <span className="quiet small">Nobody’s name begins with “{search}”.</span>}
      </div>
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
