// Signing in, signing up, and getting back in.

import { useEffect, useState, type FormEvent } from 'react';
import { Redirect, useLocation, useSearchParams } from 'wouter';

import { graphql } from '../../api/gql';
import { useAct, useRead, useViewer } from '../../api/hooks';
import { begin, session } from '../../api/session';
import { useStore } from '../../api/store';
import { useCatalog } from '../../parts/catalog';
import { goalOf } from '../../parts/sign-in-path';
import { Card, Choice, Field, Loading, Page, Refusal, Select } from '../../ui/parts';
import { BeginSignIn, FinishLink, FinishSignIn, keep, kept, RETURN_TO, taken } from './provider';

const Login = graphql(`
  mutation Login($input: LoginInput!) {
    login(input: $input) {
      ...Auth
    }
  }
`);

const Register = graphql(`
  mutation Register($input: RegisterInput!) {
    register(input: $input) {
      ...Auth
    }
  }
`);

const RequestReset = graphql(`
  mutation RequestPasswordReset($input: RequestPasswordResetInput!) {
    requestPasswordReset(input: $input) {
      accepted
    }
  }
`);

const Providers = graphql(`
  query SignInProviders {
    signInProviders {
      id
      name
    }
  }
`);

type Way = 'in' | 'up' | 'forgotten';

export default function SignInPage() {
  const { phase } = useStore(session);
  const [search] = useSearchParams();
  const [state, code] = [search.get('state'), search.get('code')];
  const back = state !== null && code !== null;
  const to = goalOf(search.get('to'));
  if (phase === 'in' && !back) return <Redirect to={to} replace />;
  return (
    <Page title="Sign in">
      <div className="narrow stack">
        {phase === 'restoring' ? (
          <Loading what="the page" />
        ) : back ? (
          <Returned state={state} code={code} />
        ) : (
          <>
            {search.has('error') && <Denied error={search.get('error')} />}
            <SignIn to={to} />
          </>
        )}
      </div>
    </Page>
  );
}

/** Back from another service, which has said no. */
function Denied({ error }: { error: string | null }) {
  return (
    <Card title="You were not signed in">
      <p role="alert">
        {error === 'access_denied'
          ? 'The other service was not allowed to say who you are.'
          : 'The other service did not say who you are.'}{' '}
        Try again, or sign in another way.
      </p>
    </Card>
  );
}

/** The ways to be somebody; also on the page to play. */
export function SignIn({ to = '/play' }: { to?: string }) {
  const [way, setWay] = useState<Way>('in');
  return (
    <Card>
      <Choice
        label="What to do"
        value={way}
        options={[
          { value: 'in', label: 'Sign in' },
          { value: 'up', label: 'Make an account' },
        ]}
        onChange={setWay}
      />
      {way === 'in' && (
        <>
          <In to={to} />
          <div>
            <button type="button" className="bare" onClick={() => setWay('forgotten')}>
              Forgot password?
            </button>
          </div>
        </>
      )}
      {way === 'up' && <Up />}
      {way === 'forgotten' && <Forgotten />}
    </Card>
  );
}

/** What was typed into a form, by the names of its fields. */
function typed(event: FormEvent<HTMLFormElement>): Record<string, string> {
  event.preventDefault();
  return Object.fromEntries([...new FormData(event.currentTarget)].map(([name, value]) => [name, String(value)]));
}

function In({ to }: { to: string }) {
  const act = useAct(Login, ({ login }) => begin(login));
  const { data } = useRead(Providers, {});
  return (
    <>
      <form
        onSubmit={(event) => {
          const { login = '', password = '' } = typed(event);
          void act.run({ input: { login, password } });
        }}
      >
        <Field label="Name or email" name="login" error={act.error} autoComplete="username" required />
        <Field label="Password" name="password" error={act.error} type="password" autoComplete="current-password" required />
        <Refusal error={act.error} fields={['login', 'password']} />
        <button className="main" disabled={act.busy}>
          Sign in
        </button>
      </form>
      {data?.signInProviders.map((provider) => (
        <With key={provider.id} {...provider} to={to} />
      ))}
    </>
  );
}

function Up() {
  const catalog = useCatalog();
  const [region, setRegion] = useState('');
  const act = useAct(Register, ({ register }) => begin(register));
  const regions = catalog.data?.regions ?? [];
  return (
    <form
      onSubmit={(event) => {
        const { username = '', email = '', password = '' } = typed(event);
        void act.run({ input: { username, email, password, region: region || regions[0]?.id } });
      }}
    >
      <Field
        label="Name"
        name="username"
        error={act.error}
        hint="3 to 20 letters, digits, _ and -"
        autoComplete="username"
        minLength={3}
        maxLength={20}
        required
      />
      <Field label="Email" name="email" error={act.error} type="email" autoComplete="email" required />
      <Field
        label="Password"
        name="password"
        error={act.error}
        type="password"
        hint="8 characters or more; a few words are easiest"
        autoComplete="new-password"
        minLength={8}
        maxLength={128}
        required
      />
      <Select
        label="Where you play"
        value={region}
        options={regions.map(({ id, name }) => ({ value: id, label: name }))}
        onChange={setRegion}
      />
      <Refusal error={act.error} fields={['username', 'email', 'password']} />
      <button className="main" disabled={act.busy}>
        Make an account
      </button>
    </form>
  );
}

function Forgotten() {
  const ask = useAct(RequestReset);
  const [asked, setAsked] = useState(false);
  return (
    <form
      onSubmit={(event) => {
        const { email = '' } = typed(event);
        void ask.run({ input: { email } }).then(setAsked);
      }}
    >
      <Field label="Email of the account" name="email" error={ask.error} type="email" autoComplete="email" required />
      <Refusal error={ask.error} fields={['email']} />
      <button className="main" disabled={ask.busy}>
        Mail me a link
      </button>
      <p role="status">{asked && 'If somebody has this address, a mail with a link is on its way.'}</p>
    </form>
  );
}

function With({ id, name, to }: { id: string; name: string; to: string }) {
  const act = useAct(BeginSignIn, ({ beginSignIn }) => {
    keep({ ...beginSignIn, links: false, to });
    location.assign(beginSignIn.url);
  });
  return (
    <>
      <button type="button" disabled={act.busy} onClick={() => void act.run({ input: { provider: id, redirectUri: RETURN_TO } })}>
        Sign in with {name}
      </button>
      {act.error && <Refusal error={act.error} />}
    </>
  );
}

/** Back from another service. */
function Returned({ state, code }: { state: string; code: string }) {
  const [, go] = useLocation();
  const viewer = useViewer();
  const link = useAct(FinishLink, () => go('/account', { replace: true }));
  // What is rendered may be rendered again before it counts: it is taken when it is shown.
  const [begun] = useState(() => kept(state));
  const signIn = useAct(FinishSignIn, ({ finishSignIn }) => {
    begin(finishSignIn.auth);
    go(goalOf(begun?.to), { replace: true });
  });
  const act = begun?.links ? link : signIn;
  useEffect(() => {
    const once = taken(state);
    if (once) void act.run({ input: { state, code, secret: once.secret } });
  }, []);
  if (viewer && !begun?.links) return <Redirect to="/play" replace />;
  return (
    <Card title={begun?.links ? 'Linking' : 'Signing in'}>
      {begun ? <p role="status">{act.busy ? 'A moment …' : ''}</p> : <p>This began in another window, or too long ago.</p>}
      <Refusal error={act.error} />
      {(!begun || act.error) && (
        <button type="button" onClick={() => go(viewer ? '/account' : '/sign-in', { replace: true })}>
          Begin again
        </button>
      )}
    </Card>
  );
}
