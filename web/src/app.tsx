// The frame: who is here, where one can go, whether the page follows the server.

import { Component, lazy, Suspense, type ReactNode } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';

import { useViewer } from './api/hooks';
import { connection } from './api/live';
import { session } from './api/session';
import { useStore } from './api/store';
import { Bell } from './parts/bell';
import { Empty, Loading, Page } from './ui/parts';
import { theme, type Theme } from './ui/theme';

const LivePage = lazy(() => import('./pages/live'));
const LeaderboardPage = lazy(() => import('./pages/leaderboard'));
const PlayersPage = lazy(() => import('./pages/player/search'));
const PlayerPage = lazy(() => import('./pages/player'));
const MatchPage = lazy(() => import('./pages/match'));
const PlayPage = lazy(() => import('./pages/play'));
const AccountPage = lazy(() => import('./pages/account'));
const MailPage = lazy(() => import('./pages/account/mail'));
const SignInPage = lazy(() => import('./pages/account/sign-in'));
const AdminPage = lazy(() => import('./pages/admin'));

const explores = document.documentElement.dataset.explore !== 'off';

export function App() {
  const who = useStore(session);
  const [path] = useLocation();
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <Top path={path} />
      <Banner />
      <main id="content">
        <Mishap key={path}>
          <Suspense fallback={<Loading what="the page" />}>
            {/* What a page shows depends on who looks. */}
            <Switch key={who.phase === 'in' ? who.viewer.id : 'nobody'}>
              <Route path="/" component={LivePage} />
              <Route path="/leaderboard" component={LeaderboardPage} />
              <Route path="/players" component={PlayersPage} />
              <Route path="/players/:name">{({ name }) => <PlayerPage key={name} name={decodeURIComponent(name)} />}</Route>
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
                {({ section, name }) => <AdminPage section={section} name={name && decodeURIComponent(name)} />}
              </Route>
              <Route>
                <Page title="Nothing here">
                  <Empty title="There is no page of that name.">
                    <Link href="/">See what is being played</Link>
                  </Empty>
                </Page>
              </Route>
            </Switch>
          </Suspense>
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
              <Bell />
              <Link className="button" href="/account">
                {viewer.username}
              </Link>
            </>
          ) : (
            <Link className="button" href="/sign-in">
              Sign in
            </Link>
          )}
        </div>
      </div>
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

function Banner() {
  const lost = useStore(connection) === 'lost';
  return <div role="status">{lost && <p className="banner">Not connected: what you see may be old. Trying again …</p>}</div>;
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
        <Empty title="That is a fault of the page, or the server has a newer one.">
          <button onClick={() => location.reload()}>Load it again</button>
        </Empty>
      </Page>
    );
  }
}
