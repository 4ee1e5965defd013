// Running the ladder: what somebody sees of it depends on their role, which the server checks again.

import { Link, useLocation } from 'wouter';

import { useViewer } from '../../api/hooks';
import { session } from '../../api/session';
import { useStore } from '../../api/store';
import { signInPath } from '../../parts/sign-in-path';
import { Empty, Loading, Page } from '../../ui/parts';
import { Audit } from './audit';
import { Keys } from './keys';
import { Matches } from './matches';
import { Queues } from './queues';
import { Season } from './season';
import { User } from './user';
import { Users } from './users';

const SECTIONS = [
  { id: 'users', name: 'Users', admin: false },
  { id: 'matches', name: 'Matches', admin: true },
  { id: 'queues', name: 'Queues', admin: false },
  { id: 'season', name: 'Season', admin: true },
  { id: 'keys', name: 'Server keys', admin: true },
  { id: 'audit', name: 'Audit log', admin: true },
];

export default function AdminPage({ section = 'users', name }: { section?: string; name?: string }) {
  const { phase } = useStore(session);
  const viewer = useViewer();
  const [path] = useLocation();
  if (phase === 'restoring')
    return (
      <Page title="Admin">
        <Loading what="who you are" />
      </Page>
    );
  if (!viewer || viewer.role === 'PLAYER') {
    return (
      <Page title="Admin">
        <Empty title="This is for moderators and admins.">
          {viewer ? 'Your account is neither.' : <Link href={signInPath(path)}>Sign in</Link>}
        </Empty>
      </Page>
    );
  }
  const admin = viewer.role === 'ADMIN';
  const sections = SECTIONS.filter((one) => admin || !one.admin);
  const shown = sections.find(({ id }) => id === section);
  return (
    <Page title={name ? `Admin · ${name}` : `Admin · ${shown?.name ?? 'Nothing here'}`}>
      <nav className="nav" aria-label="Sections">
        {sections.map(({ id, name: label }) => (
          <Link key={id} href={`/admin/${id}`} aria-current={id === section ? 'page' : undefined}>
            {label}
          </Link>
        ))}
      </nav>
      {!shown && <Empty title="There is no such section, or it is not for you." />}
      {shown?.id === 'users' && (name ? <User key={name} name={name} admin={admin} /> : <Users admin={admin} />)}
      {shown?.id === 'matches' && <Matches />}
      {shown?.id === 'queues' && <Queues admin={admin} />}
      {shown?.id === 'season' && <Season />}
      {shown?.id === 'keys' && <Keys />}
      {shown?.id === 'audit' && <Audit />}
    </Page>
  );
}
