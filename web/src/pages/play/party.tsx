// Whom one plays with.

import { useEffect, useRef, useState } from 'react';

import { graphql } from '../../api/gql';
import type { PartyPartsFragment } from '../../api/gql/graphql';
import { useAct, useStream } from '../../api/hooks';
import { Avatar, PlayerLink } from '../../parts/players';
import { Badge, Card, Field, Refusal } from '../../ui/parts';

graphql(`
  fragment PartyParts on Party {
    id
    joinCode
    leader {
      id
      username
    }
    members {
      ready
      user {
        id
        username
      }
    }
  }
`);

const PartyUpdated = graphql(`
  subscription PartyUpdated {
    partyUpdated {
      ...PartyParts
    }
  }
`);

const CreateParty = graphql(`
  mutation CreateParty {
    createParty {
      party {
        id
      }
    }
  }
`);

const JoinParty = graphql(`
  mutation JoinParty($input: JoinPartyInput!) {
    joinParty(input: $input) {
      party {
        id
      }
    }
  }
`);

const LeaveParty = graphql(`
  mutation LeaveParty {
    leaveParty {
      left
    }
  }
`);

const SetReady = graphql(`
  mutation SetPartyReady($input: SetPartyReadyInput!) {
    setPartyReady(input: $input) {
      party {
        id
      }
    }
  }
`);

const Kick = graphql(`
  mutation KickFromParty($input: PartyMemberInput!) {
    kickFromParty(input: $input) {
      party {
        id
      }
    }
  }
`);

const Promote = graphql(`
  mutation PromotePartyLeader($input: PartyMemberInput!) {
    promotePartyLeader(input: $input) {
      party {
        id
      }
    }
  }
`);

interface Props {
  party: PartyPartsFragment | null;
  self: string;
  changed: () => void;
}

export function Party({ party, self, changed }: Props) {
  const first = useRef(party?.id);
  // Whoever came into a party, or out of one, had the focus on what is gone.
  const came = first.current !== party?.id;
  useEffect(() => {
    first.current = party?.id;
  }, [party?.id]);
  return party ? (
    <Together key={party.id} came={came} party={party} self={self} changed={changed} />
  ) : (
    <Alone came={came} changed={changed} />
  );
}

/** Where the focus goes that was on what is gone. */
function useFocus<Part extends HTMLElement>(came: boolean) {
  const part = useRef<Part>(null);
  useEffect(() => {
    if (came && document.activeElement === document.body) part.current?.focus();
  }, []);
  return part;
}

function Alone({ came, changed }: { came: boolean; changed: () => void }) {
  const start = useFocus<HTMLParagraphElement>(came);
  const create = useAct(CreateParty, changed);
  const join = useAct(JoinParty, changed);
  const [code, setCode] = useState('');
  return (
    <Card title="Party">
      <p className="quiet" ref={start} tabIndex={-1}>
        You play alone. With a party you are never split.
      </p>
      <button type="button" disabled={create.busy} onClick={() => void create.run({})}>
        Make a party
      </button>
      <Refusal error={create.error} />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void join.run({ input: { joinCode: code.trim() } });
        }}
      >
        <Field
          label="Code of a friend’s party"
          name="joinCode"
          error={join.error}
          value={code}
          onChange={(event) => setCode(event.target.value)}
          autoComplete="off"
          required
        />
        <button disabled={join.busy}>Join it</button>
        <Refusal error={join.error} fields={['joinCode']} />
      </form>
    </Card>
  );
}

function Together({ came, party, self, changed }: Props & { came: boolean; party: PartyPartsFragment }) {
  const start = useFocus<HTMLUListElement>(came);
  // Whatever is heard of the party is a reason to look at it; the stream ends when one is out of it.
  useStream(PartyUpdated, {}, changed, { ended: changed });
  const leave = useAct(LeaveParty, changed);
  const ready = useAct(SetReady, changed);
  const kick = useAct(Kick, changed);
  const promote = useAct(Promote, changed);
  const leads = party.leader.id === self;
  const own = party.members.find(({ user }) => user.id === self);
  return (
    <Card
      title="Party"
      aside={
        party.joinCode && (
          <span>
            Code <strong className="mono">{party.joinCode}</strong>
          </span>
        )
      }
    >
      <ul className="list" data-testid="party" ref={start} tabIndex={-1} aria-label="Who is in it">
        {party.members.map(({ user, ready: is }) => (
          <li key={user.id} className="apart">
            <span className="name">
              <Avatar name={user.username} />
              <PlayerLink username={user.username} />
              {user.id === party.leader.id ? (
                <Badge tone="accent">leads</Badge>
              ) : (
                <Badge tone={is ? 'good' : undefined}>{is ? 'ready' : 'not ready'}</Badge>
              )}
            </span>
            {leads && user.id !== self && (
              <span className="row">
                <button
                  type="button"
                  className="bare"
                  onClick={() => void promote.run({ input: { userId: user.id } })}
                  aria-label={`Lead: ${user.username}`}
                >
                  Lead
                </button>
                <button
                  type="button"
                  className="bare danger"
                  onClick={() => void kick.run({ input: { userId: user.id } })}
                  aria-label={`Put out ${user.username}`}
                >
                  Put out
                </button>
              </span>
            )}
          </li>
        ))}
      </ul>
      <div className="row">
        {!leads && own && (
          <button
            type="button"
            className={own.ready ? undefined : 'main'}
            disabled={ready.busy}
            onClick={() => void ready.run({ input: { ready: !own.ready } })}
          >
            {own.ready ? 'Not ready after all' : 'Ready'}
          </button>
        )}
        <button type="button" disabled={leave.busy} onClick={() => void leave.run({})}>
          Leave
        </button>
      </div>
      <Refusal error={leave.error ?? ready.error ?? kick.error ?? promote.error} />
    </Card>
  );
}
