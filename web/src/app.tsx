// The frame: who is here, where one can go, whether the page follows the server.

import { Component, useEffect, type ReactNode } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';

import { useViewer } from './api/hooks';
import { session } from './api/session';
import { useStore } from './api/store';
import { Bell } from './parts/bell';
import { Queueing } from './parts/queueing';
import { nameIn } from './parts/players';
import { useCutOff } from './parts/cut-off';
import { signInPath } from './parts/sign-in-path';
import { later, loadAhead } from './ui/later';
import { Empty, Page } from './ui/parts';
import { theme, type Theme } from './ui/theme';

const LivePage = later(() => import('./pages/live'));
const LeaderboardPage = later(() => import('./pages/leaderboard'));
const PlayersPage = later(() => import('./pages/player/search'));
const PlayerPage = later(() => import('./pages/player'));
const MatchPage = later(() => import('./pages/match'));
const PlayPage = later(() => import('./pages/play'));
const AccountPage = later(() => import('./pages/account'));
const MailPage = later(() => import('./pages/account/mail'));
const SignInPage = later(() => import('./pages/account/sign-in'));
const AdminPage = later(() => import('./pages/admin'));

const AHEAD = [LivePage, PlayPage, LeaderboardPage, MatchPage, PlayerPage, PlayersPage, SignInPage, AccountPage];

const explores = document.documentElement.dataset.explore !== 'off';

export function App() {
  const who = useStore(session);
  const [path] = useLocation();
  useEffect(() => loadAhead(AHEAD), []);
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <Top path={path} />
      <Banner />
      <Ended />
      <main id="content">
        <Mishap key={path}>
          {/* What a page shows depends on who looks. */}
          <Switch key={who.phase === 'in' ? who.viewer.id : 'nobody'}>
            <Route path="/" component={LivePage} />
            <Route path="/leaderboard" component={LeaderboardPage} />
            <Route path="/players" component={PlayersPage} />
            <Route path="/players/:name">{({ name }) => <PlayerPage key={name} name={nameIn(name)} />}</Route>
            <Route path="/matches/:id">{({ id }) => <MatchPage key={id} id={id} />}</Route>
            <Route path="/play" component={PlayPage} />
            <Route path="/account" component={AccountPage} />
            <Route path="/sign-in" component={SignInPage} />
            <Route path="/verify">
              <MailPage what="verify" />
            </Route>
            <Route path="/reset">
              <MailPage what="reset" />
            </Route>
            <Route path="/admin/:section?/:name?">
              {({ section, name }) => <AdminPage section={section} name={name && nameIn(name)} />}
            </Route>
            <Route>
              <Page title="Nothing here">
                <Empty title="There is no page of that name.">
                  <Link href="/">See what is being played</Link>
                </Empty>
              </Page>
            </Route>
          </Switch>
        </Mishap>
      </main>
      <footer className="foot quiet small">
        RankedHonor · this page uses only the public {explores ? <a href="/explore">GraphQL API</a> : 'GraphQL API'} ·{' '}
        <a href="/licenses.md">licences of what it is made of</a>
      </footer>
    </>
  );
}

function Top({ path }: { path: string }) {
  const { phase } = useStore(session);
  const viewer = useViewer();
  const links: [string, string][] = [
    ['/', 'Live'],
    ['/leaderboard', 'Leaderboard'],
    ['/players', 'Players'],
    ['/play', 'Play'],
  ];
  if (viewer && viewer.role !== 'PLAYER') links.push(['/admin', 'Admin']);
  const here = (href: string) => (href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`));
  return (
    <header className="top">
      <div className="top-in">
        <Link className="brand" href="/" aria-label="RankedHonor, live">
          <img src="/favicon.svg" width="26" height="26" alt="" />
          RankedHonor
        </Link>
        <nav className="nav" aria-label="Pages">
          {links.map(([href, label]) => (
            <Link key={href} href={href} aria-current={here(href) ? 'page' : undefined}>
              {label}
            </Link>
          ))}
          {explores && <a href="/explore">Explore</a>}
        </nav>
        <div className="tools">
          <ThemeChoice />
          {viewer ? (
            <>
              <Bell key={viewer.id} />
              <Link className="button" href="/account">
                {viewer.username}
              </Link>
            </>
          ) : phase === 'restoring' ? (
            <span className="slot" />
          ) : (
            <Link className="button" href={signInPath(path)}>
              Sign in
            </Link>
          )}
        </div>
      </div>
      {viewer && <Queueing key={viewer.id} self={viewer.id} path={path} />}
    </header>
  );
}

const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const SIGN: Record<Theme, string> = { system: '◐', light: '☀', dark: '☾' };

function ThemeChoice() {
  const now = useStore(theme);
  return (
    <button
      className="bare"
      onClick={() => theme.set(NEXT[now])}
      aria-label={`Colours: ${now}. Change to ${NEXT[now]}.`}
      title={`Colours: ${now}`}
    >
      <span aria-hidden>{SIGN[now]}</span>
    </button>
  );
}

/** Whether what one sees is how things are. */
function Banner() {
  const cut = useCutOff();
  return (
    <div role="status">
      {cut && (
        <p className="banner">
          {cut === 'offline'
            ? 'Not connected: this device is offline, and what you see may be old.'
            : 'Not connected: what you see may be old. Trying again …'}
        </p>
      )}
    </div>
  );
}

/** A session that was over by itself is not missed without a word. */
function Ended() {
  const now = useStore(session);
  return (
    <div role="status">
      {now.phase === 'out' && now.ended && (
        <p className="banner">
          You were signed out: the session has ended.
          {!isSecureContext && ' Over plain HTTP browsers may not keep one when a page is loaded again.'}{' '}
          <button className="bare" onClick={() => session.set({ phase: 'out' })}>
            Close
          </button>
        </p>
      )}
    </div>
  );
}

/** A page that fails leaves the frame standing. */
class Mishap extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Page title="This page failed">
        <Empty title="That is a fault of the page.">
          <button onClick={() => location.reload()}>Load it again</button>
        </Empty>
      </Page>
    );
  }
}
