// One's accounts at other services.

import { useState } from 'react';

import { fieldOf } from '../../api/errors';
import { graphql } from '../../api/gql';
import { useAct, useRead } from '../../api/hooks';
import { Card, Field, Refusal, When } from '../../ui/parts';
import { keep, RETURN_TO } from './provider';

const Links = graphql(`
  query Links {
    signInProviders {
      id
      name
    }
    me {
      id
      linkedAccounts {
        provider
        name
        linkedAt
      }
    }
  }
`);

const BeginLink = graphql(`
  mutation BeginAccountLink($input: BeginSignInInput!) {
    beginAccountLink(input: $input) {
      url
      state
      secret
    }
  }
`);

const Unlink = graphql(`
  mutation UnlinkAccount($input: UnlinkAccountInput!) {
    unlinkAccount(input: $input) {
      unlinked
    }
  }
`);

/** Nothing, where no service is set up and none is linked. */
export function LinkedAccounts() {
  const { data, reload } = useRead(Links, {});
  const unlink = useAct(Unlink, reload);
  const begin = useAct(BeginLink, ({ beginAccountLink }) => {
    keep({ ...beginAccountLink, links: true });
    location.assign(beginAccountLink.url);
  });
  // Who signed in a while ago is asked for their password.
  const [password, setPassword] = useState('');
  const asked = fieldOf(begin.error) === 'password' || password !== '';
  const link = (provider: string) =>
    void begin.run({ input: { provider, redirectUri: RETURN_TO, ...(password && { password }) } });
  const linked = data?.me?.linkedAccounts ?? [];
  const known = new Map(linked.map(({ provider }) => [provider, provider]));
  for (const { id, name } of data?.signInProviders ?? []) known.set(id, name);
  if (known.size === 0) return null;
  return (
    <Card title="Other services">
      <ul className="list">
        {[...known].map(([id, name]) => {
          const there = linked.find(({ provider }) => provider === id);
          return (
            <li key={id} className="apart">
              <span>
                {name}{' '}
                {there && (
                  <span className="quiet small">
                    as {there.name}, <When at={there.linkedAt} />
                  </span>
                )}
              </span>
              {there ? (
                <button
                  type="button"
                  disabled={unlink.busy}
                  onClick={() => void unlink.run({ input: { provider: id } })}
                  aria-label={`Unlink ${name}`}
                >
                  Unlink
                </button>
              ) : (
                <button type="button" disabled={begin.busy} onClick={() => link(id)} aria-label={`Link ${name}`}>
                  Link
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {asked && (
        <Field
          label="Your password, to link an account"
          name="password"
          error={begin.error}
          type="password"
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      )}
      <Refusal error={unlink.error ?? begin.error} fields={['password']} />
    </Card>
  );
}
