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
  const [asked, setAsked] = useState<{ id: string; name: string }>();
  const revoke = useAct(RevokeKey, () => {
    setAsked(undefined);
    read.reload();
  });
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
        <Refusal error={create.error} />
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
                  <Badge>revoked</Badge>
                ) : (
                  <button
                    type="button"
                    className="danger"
                    onClick={() => setAsked(key)}
                    aria-label={`Revoke … the key ${key.name}`}
                  >
                    Revoke …
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
          <Copy text={made.key} />
        </Dialog>
      )}
      {asked && (
        <Dialog title={`Revoke the key ${asked.name}`} close={() => setAsked(undefined)}>
          <p>The game server that has it is refused from now on, and its matches are not reported. It does not come back.</p>
          <button
            type="button"
            className="danger"
            disabled={revoke.busy}
            onClick={() => void revoke.run({ input: { id: asked.id } })}
          >
            Revoke it
          </button>
          <Refusal error={revoke.error} />
        </Dialog>
      )}
    </>
  );
}

/** Browsers copy only where the connection is encrypted or the server is on the same machine: elsewhere people do. */
function Copy({ text }: { text: string }) {
  const [said, setSaid] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('It is in the clipboard.');
    } catch {
      const key = document.querySelector('[data-testid=key]');
      if (key) getSelection()?.selectAllChildren(key);
      setSaid('The browser does not let this page copy: it is selected, copy it yourself.');
    }
  };
  return (
    <div className="row">
      <button type="button" onClick={() => void copy()}>
        Copy it
      </button>
      <span role="status">{said}</span>
    </div>
  );
}
