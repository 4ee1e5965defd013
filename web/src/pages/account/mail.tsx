// Where mails lead: the token stands behind the # of the address, which no server is sent.

import { useEffect, useState } from 'react';
import { Link, Redirect } from 'wouter';

import { graphql } from '../../api/gql';
import { useAct } from '../../api/hooks';
import { begin, session } from '../../api/session';
import { useStore } from '../../api/store';
import { Card, Field, Loading, Page, Refusal } from '../../ui/parts';

const Verify = graphql(`
  mutation VerifyEmail($input: VerifyEmailInput!) {
    verifyEmail(input: $input) {
      verified
    }
  }
`);

const Reset = graphql(`
  mutation ResetPassword($input: ResetPasswordInput!) {
    resetPassword(input: $input) {
      ...Auth
    }
  }
`);

export default function MailPage({ what }: { what: 'verify' | 'reset' }) {
  const { phase } = useStore(session);
  const title = what === 'verify' ? 'Your address' : 'Another password';
  return (
    <Page title={title}>
      <div className="narrow stack">
        {phase === 'restoring' ? <Loading what="the page" /> : <Card>{what === 'verify' ? <Proof /> : <Choosing />}</Card>}
      </div>
    </Page>
  );
}

/** How tokens of mails begin: what else stands behind the # is a place on the page. */
const TOKEN = 'rhm_';

function tokenHere(): string {
  const text = location.hash.slice(1);
  return text.startsWith(TOKEN) ? text : '';
}

/** The token of the address, which does not stay there. */
function useToken(): string {
  const [token, setToken] = useState(tokenHere);
  useEffect(() => {
    const take = () => {
      const told = tokenHere();
      if (!told) return;
      setToken(told);
      history.replaceState(history.state, '', location.pathname);
    };
    take();
    addEventListener('hashchange', take);
    return () => removeEventListener('hashchange', take);
  }, []);
  return token;
}

const NO_TOKEN = 'Open the link of the mail that you were sent.';

function Proof() {
  const token = useToken();
  const [proven, setProven] = useState<string>();
  const { run, error } = useAct(Verify);
  useEffect(() => {
    if (token) void run({ input: { token } }).then((done) => done && setProven(token));
  }, [token]);
  if (!token) return <p>{NO_TOKEN}</p>;
  return (
    <>
      <p role="status">{proven === token && 'It is verified: this address is yours.'}</p>
      <Refusal error={error} />
      <p>
        {error && 'A link works once, and for a while. '}
        <Link href="/account">{error ? 'Have another one mailed to you' : 'Your account'}</Link>
      </p>
    </>
  );
}

function Choosing() {
  const token = useToken();
  const [done, setDone] = useState(false);
  const { run, busy, error } = useAct(Reset, ({ resetPassword }) => begin(resetPassword));
  if (done || (!token && session.get().phase === 'in')) return <Redirect to="/play" replace />;
  if (!token) return <p>{NO_TOKEN}</p>;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const newPassword = String(new FormData(event.currentTarget).get('newPassword'));
        void run({ input: { token, newPassword } }).then(setDone);
      }}
    >
      <Field
        label="New password"
        name="newPassword"
        error={error}
        type="password"
        autoComplete="new-password"
        minLength={8}
        maxLength={128}
        hint="You are signed out everywhere else"
        required
      />
      <Refusal error={error} fields={['newPassword']} />
      <button className="main" disabled={busy}>
        Set it and sign in
      </button>
    </form>
  );
}
