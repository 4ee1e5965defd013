// One's own account: profile, devices, ways in, data.

import type { CombinedError } from '@urql/core';
import { useState } from 'react';
import { Link, Redirect } from 'wouter';

import { sentence } from '../../api/errors';
import { graphql } from '../../api/gql';
import { useAct, useRead, useViewer } from '../../api/hooks';
import { begin, session, signOut } from '../../api/session';
import { useStore } from '../../api/store';
import { playerPath } from '../../parts/players';
import { signInPath } from '../../parts/sign-in-path';
import { Badge, Card, Dialog, Failure, Field, Loading, Page, Refusal, When } from '../../ui/parts';
import { LinkedAccounts } from './links';
import { BlockedPlayers, Profile } from './profile';

const Account = graphql(`
  query Account {
    me {
      id
      email
      emailVerified
      country
      bio
      region {
        id
      }
      deletesAt
      sessions {
        id
        current
        device
        address
        lastUsedAt
      }
    }
  }
`);

const EndSession = graphql(`
  mutation EndSession($input: EndSessionInput!) {
    endSession(input: $input) {
      ended
    }
  }
`);

const ChangePassword = graphql(`
  mutation ChangePassword($input: ChangePasswordInput!) {
    changePassword(input: $input) {
      ...Auth
    }
  }
`);

const ChangeEmail = graphql(`
  mutation ChangeEmail($input: ChangeEmailInput!) {
    changeEmail(input: $input) {
      accepted
    }
  }
`);

const AskVerification = graphql(`
  mutation RequestEmailVerification {
    requestEmailVerification {
      accepted
    }
  }
`);

const Export = graphql(`
  mutation ExportMyData {
    exportMyData {
      document
    }
  }
`);

const Delete = graphql(`
  mutation DeleteMyAccount($input: DeleteMyAccountInput!) {
    deleteMyAccount(input: $input) {
      deletesAt
    }
  }
`);

const CancelDeletion = graphql(`
  mutation CancelAccountDeletion {
    cancelAccountDeletion {
      cancelled
    }
  }
`);

export default function AccountPage() {
  const { phase } = useStore(session);
  const viewer = useViewer();
  const { data, error, reload } = useRead(Account, viewer ? {} : null);
  const [stays, setStays] = useState<CombinedError>();
  if (phase === 'out') return <Redirect to={signInPath('/account')} replace />;
  const me = data?.me;
  if (!viewer || !me)
    return <Page title="Account">{error ? <Failure error={error} retry={reload} /> : <Loading what="your account" />}</Page>;
  return (
    <Page title={viewer.username} aside={<button onClick={() => void signOut().then(setStays)}>Sign out</button>}>
      {stays && (
        <p className="bad" role="alert">
          You are still signed in. {sentence(stays)}
        </p>
      )}
      <p>
        <Link href={playerPath(viewer.username)}>What others see of you</Link>
      </p>
      <div className="grid">
        <Profile {...me} changed={reload} />
        <Email email={me.email} verified={me.emailVerified ?? false} />
        <Sessions sessions={me.sessions ?? []} changed={reload} />
        <Password />
        <LinkedAccounts />
        <BlockedPlayers />
        <Data deletesAt={me.deletesAt} changed={reload} />
      </div>
    </Page>
  );
}

function Email({ email, verified }: { email: string | null; verified: boolean }) {
  const ask = useAct(AskVerification);
  const [asked, setAsked] = useState(false);
  return (
    <Card title="Email" aside={<Badge tone={verified ? 'good' : 'warn'}>{verified ? 'verified' : 'not verified yet'}</Badge>}>
      <p>{email ?? 'None'}</p>
      {email && !verified && (
        <>
          <p>A mail with a link that verifies it went there.</p>
          <button type="button" disabled={ask.busy} onClick={() => void ask.run({}).then(setAsked)}>
            Mail me another
          </button>
          <p role="status">{asked && 'It is on its way.'}</p>
          <Refusal error={ask.error} />
        </>
      )}
      <AnotherEmail />
    </Card>
  );
}

function AnotherEmail() {
  const act = useAct(ChangeEmail);
  const [asked, setAsked] = useState(false);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        const typed = new FormData(form);
        const input = { newEmail: String(typed.get('newEmail')), password: String(typed.get('password')) };
        void act.run({ input }).then((done) => {
          setAsked(done);
          if (done) form.reset();
        });
      }}
    >
      <Field label="Another email" name="newEmail" error={act.error} type="email" autoComplete="email" required />
      <Field
        label="Your password"
        name="password"
        error={act.error}
        type="password"
        hint="Empty, where you sign in by another service"
        autoComplete="current-password"
      />
      <button disabled={act.busy}>Mail a link there</button>
      <p role="status">{asked && 'It is on its way. Nothing changes before it is opened.'}</p>
      <Refusal error={act.error} fields={['newEmail', 'password']} />
    </form>
  );
}

const BROWSERS = { 'Edg/': 'Edge', 'OPR/': 'Opera', 'Firefox/': 'Firefox', 'Chrome/': 'Chrome', 'Safari/': 'Safari' };
const SYSTEMS = {
  Android: 'Android',
  iPhone: 'iPhone',
  iPad: 'iPad',
  Windows: 'Windows',
  'Mac OS': 'macOS',
  Linux: 'Linux',
};

/** What a browser says of itself, in short; as it is where that is not known. */
function deviceName(told: string | null): string {
  if (!told) return 'Unknown device';
  const [browser, system] = [BROWSERS, SYSTEMS].map((names) => Object.entries(names).find(([sign]) => told.includes(sign))?.[1]);
  return browser && system ? `${browser} on ${system}` : told;
}

function Sessions({
  sessions,
  changed,
}: {
  sessions: { id: string; current: boolean; device: string | null; address: string; lastUsedAt: string }[];
  changed: () => void;
}) {
  const end = useAct(EndSession, changed);
  return (
    <Card title="Where you are signed in">
      <ul className="list">
        {sessions.map((one) => (
          <li key={one.id} className="apart">
            <span className="small" title={one.device ?? undefined}>
              {deviceName(one.device)}
              <br />
              <span className="quiet">
                {one.address}, <When at={one.lastUsedAt} />
              </span>
            </span>
            {one.current ? (
              <Badge tone="good">here</Badge>
            ) : (
              <button
                type="button"
                className="danger"
                disabled={end.busy}
                onClick={() => void end.run({ input: { sessionId: one.id } })}
              >
                End it
              </button>
            )}
          </li>
        ))}
      </ul>
      <Refusal error={end.error} />
    </Card>
  );
}

function Password() {
  const act = useAct(ChangePassword, ({ changePassword }) => begin(changePassword));
  const [changed, setChanged] = useState(false);
  return (
    <Card title="Password">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget;
          const typed = new FormData(form);
          const input = { currentPassword: String(typed.get('current')), newPassword: String(typed.get('new')) };
          void act.run({ input }).then((done) => {
            setChanged(done);
            if (done) form.reset();
          });
        }}
      >
        <Field
          label="Current password"
          name="current"
          about="currentPassword"
          error={act.error}
          type="password"
          hint="Empty, where you have none yet"
          autoComplete="current-password"
        />
        <Field
          label="New password"
          name="new"
          about="newPassword"
          error={act.error}
          type="password"
          autoComplete="new-password"
          minLength={8}
          maxLength={128}
          required
        />
        <button disabled={act.busy}>Change it</button>
        <p role="status">{changed && 'Changed. You are signed out everywhere else.'}</p>
        <Refusal error={act.error} fields={['currentPassword', 'newPassword']} />
      </form>
    </Card>
  );
}

function Data({ deletesAt, changed }: { deletesAt: string | null; changed: () => void }) {
  const [asking, setAsking] = useState(false);
  const cancel = useAct(CancelDeletion, changed);
  const remove = useAct(Delete, () => {
    setAsking(false);
    changed();
  });
  const save = useAct(Export, ({ exportMyData }) => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([JSON.stringify(exportMyData.document, null, 2)], { type: 'application/json' }));
    link.download = 'rankedhonor.json';
    link.click();
    URL.revokeObjectURL(link.href);
  });
  return (
    <Card title="Your data">
      <button type="button" disabled={save.busy} onClick={() => void save.run({})}>
        Save all of it
      </button>
      {deletesAt ? (
        <>
          <p className="warn">Your account is deleted on {new Date(deletesAt).toLocaleString()}.</p>
          <button type="button" className="main" disabled={cancel.busy} onClick={() => void cancel.run({})}>
            Keep it after all
          </button>
        </>
      ) : (
        <button type="button" className="danger" onClick={() => setAsking(true)}>
          Delete the account …
        </button>
      )}
      <Refusal error={save.error ?? cancel.error} />
      {asking && (
        <Dialog title="Delete the account" close={() => setAsking(false)}>
          <p>After some days of grace nothing here names you any more. Until then you can take it back.</p>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              void remove.run({ input: { password: String(new FormData(event.currentTarget).get('password')) } });
            }}
          >
            <Field
              label="Password"
              name="password"
              error={remove.error}
              type="password"
              autoComplete="current-password"
              hint="Leave it empty if you have none"
            />
            <button className="danger" disabled={remove.busy}>
              Delete it
            </button>
            <Refusal error={remove.error} fields={['password']} />
          </form>
        </Dialog>
      )}
    </Card>
  );
}
