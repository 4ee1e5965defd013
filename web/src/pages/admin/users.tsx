// Everybody, by what is known of them.

import { useState } from 'react';
import { Link } from 'wouter';

import { graphql } from '../../api/gql';
import type { Role } from '../../api/gql/graphql';
import { useRead } from '../../api/hooks';
import { Badge, day, Empty, Field, Select, useTyped } from '../../ui/parts';
import { Pending, Turn, useKept, usePaging } from './pages';

const Accounts = graphql(`
  query Accounts($filter: AccountFilter, $after: String) {
    accounts(filter: $filter, first: 30, after: $after) {
      nodes {
        id
        username
        role
        email
        presence
        createdAt
        suspension {
          until
        }
        queueLock {
          until
        }
      }
      pageInfo {
        ...PageEnd
      }
    }
  }
`);

type Held = '' | 'yes' | 'no';

export function Users({ admin }: { admin: boolean }) {
  const [username, setUsername] = useState('');
  const [role, setRole] = useState<Role | ''>('');
  const [held, setHeld] = useState<Held>('');
  const typed = useTyped(username.trim());
  const filter = { username: typed || null, role: role || null, suspended: held === '' ? null : held === 'yes' };
  const paging = usePaging(JSON.stringify(filter));
  const read = useRead(Accounts, { filter, after: paging.after });
  // What was found stays while something else is looked for.
  const page = useKept(read.data)?.accounts;
  return (
    <>
      <div className="filters">
        <Field label="A part of the name" type="search" value={username} onChange={(event) => setUsername(event.target.value)} />
        <Select
          label="Role"
          value={role}
          options={[
            { value: '', label: 'Any' },
            { value: 'PLAYER', label: 'Player' },
            { value: 'MODERATOR', label: 'Moderator' },
            { value: 'ADMIN', label: 'Admin' },
          ]}
          onChange={setRole}
        />
        <Select
          label="Suspended"
          value={held}
          options={[
            { value: '', label: 'Either way' },
            { value: 'yes', label: 'Yes' },
            { value: 'no', label: 'No' },
          ]}
          onChange={setHeld}
        />
      </div>
      <Pending read={read} what="accounts" known={page !== undefined} />
      {page?.nodes.length === 0 && <Empty title="No accounts match." />}
      {page && page.nodes.length > 0 && (
        <div className="scroll card" tabIndex={0} role="region" aria-label="Accounts">
          <table>
            <thead>
              <tr>
                <th>Name</th>
                <th>Role</th>
                {admin && <th>Email</th>}
                <th>Is</th>
                <th>Since</th>
              </tr>
            </thead>
            <tbody>
              {page.nodes.map((user) => (
                <tr key={user.id}>
                  <td>
                    <Link href={`/admin/users/${encodeURIComponent(user.username)}`}>{user.username}</Link>
                  </td>
                  <td>{user.role.toLowerCase()}</td>
                  {admin && <td>{user.email}</td>}
                  <td>
                    {user.suspension ? (
                      <Badge tone="bad">suspended</Badge>
                    ) : user.queueLock ? (
                      <Badge tone="warn">kept out of the queue</Badge>
                    ) : (
                      user.presence.toLowerCase().replace('_', ' ')
                    )}
                  </td>
                  <td>{day(user.createdAt)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Turn paging={paging} info={page?.pageInfo} />
    </>
  );
}
