// The credentials of game servers.

import { useState } from 'react';

import { graphql } from '../../api/gql';
import { useAct, useRead } from '../../api/hooks';
import { Badge, Card, Dialog, Empty, Field, Refusal, When } from '../../ui/parts';
import { Pending } from './pages';

const ServerKeys = graphql(`
  query ServerKeys {
    serverKeys {
      id
      name
      createdAt
      revokedAt
    }
  }
`);

const CreateKey = graphql(`
  mutation CreateServerKey($input: CreateServerKeyInput!) {
    createServerKey(input: $input) {
      id
      name
      key
    }
  }
`);

const RevokeKey = graphql(`
  mutation RevokeServerKey($input: RevokeServerKeyInput!) {
    revokeServerKey(input: $input) {
      id
    }
  }
`);

export function Keys() {
  const read = useRead(ServerKeys, {});
  const [made, setMade] = useState<{ name: string; key: string }>();
  const create = useAct(CreateKey, ({ createServerKey }) => {
    setMade(createServerKey);
    read.reload();
  });
  const revoke = useAct(RevokeKey, read.reload);
  const keys = read.data?.serverKeys;
  return (
    <>
      <Card title="Another game server">
        <form
          className="filters"
          onSubmit={(event) => {
            event.preventDefault();
            const form = event.currentTarget;
            void create.run({ input: { name: String(new FormData(form).get('name')) } }).then((done) => done && form.reset());
          }}
        >
          <Field label="What it is called" name="name" required maxLength={100} />
          <button className="main" disabled={create.busy}>
            Make a key
          </button>
        </form>
        <Refusal error={create.error ?? revoke.error} />
      </Card>
      <Pending read={read} what="keys" />
      {keys?.length === 0 && <Empty title="No game server has a key yet." />}
      {keys && keys.length > 0 && (
        <Card title="Keys">
          <ul className="list">
            {keys.map((key) => (
              <li key={key.id} className="apart">
                <span>
                  {key.name}{' '}
                  <span className="quiet small">
                    made <When at={key.createdAt} />
                  </span>
                </span>
                {key.revokedAt ? (
                  <Badge>taken back</Badge>
                ) : (
                  <button
                    type="button"
                    className="danger"
                    disabled={revoke.busy}
                    onClick={() => void revoke.run({ input: { id: key.id } })}
                    aria-label={`Take the key ${key.name} back`}
                  >
                    Take it back
                  </button>
                )}
              </li>
            ))}
          </ul>
        </Card>
      )}
      {made && (
        <Dialog title={`The key of ${made.name}`} close={() => setMade(undefined)}>
          <p>It is shown this once. The game server sends it as a bearer token.</p>
          <p>
            <code data-testid="key">{made.key}</code>
          </p>
          <button type="button" onClick={() => void navigator.clipboard?.writeText(made.key)}>
            Copy it
          </button>
        </Dialog>
      )}
    </>
  );
}
