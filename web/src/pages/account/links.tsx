// One's accounts at other services.

import { graphql } from '../../api/gql';
import { useAct, useRead } from '../../api/hooks';
import { Card, Refusal, When } from '../../ui/parts';
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
                <button
                  type="button"
                  disabled={begin.busy}
                  onClick={() => void begin.run({ input: { provider: id, redirectUri: RETURN_TO } })}
                  aria-label={`Link ${name}`}
                >
                  Link
                </button>
              )}
            </li>
          );
        })}
      </ul>
      <Refusal error={unlink.error ?? begin.error} />
    </Card>
  );
}
