// Who did what, newest first.

import { useEffect, useState } from 'react';
import { Link } from 'wouter';

import { graphql } from '../../api/gql';
import { useRead } from '../../api/hooks';
import { Empty, Field, moment, Select, useTyped } from '../../ui/parts';
import { Pending, Turn, useKept, usePaging } from './pages';

const AuditLog = graphql(`
  query AuditLog($filter: AuditFilter, $after: String) {
    auditLog(filter: $filter, first: 40, after: $after) {
      nodes {
        seq
        at
        actor
        action
        object
        address
        reason
        before
        after
        data
        erased
      }
      pageInfo {
        ...PageEnd
      }
    }
  }
`);

const Names = graphql(`
  query Names($ids: [ID!]!) {
    nodes(ids: $ids) {
      ... on User {
        id
        username
      }
    }
  }
`);

/** What is written down, as far as this page knows; whatever else comes can be chosen once it was seen. */
const ACTIONS = [
  'ACCOUNT_DELETED',
  'ACCOUNT_LINKED',
  'ACCOUNT_UNLINKED',
  'AUDIT_LOG_BEGUN',
  'AUDIT_LOG_TAMPERED',
  'BAR_LIFTED',
  'DATA_EXPORTED',
  'DELETION_CANCELLED',
  'DELETION_PLANNED',
  'EMAIL_CHANGED',
  'EMAIL_CHANGE_ASKED',
  'EMAIL_VERIFIED',
  'MATCHMAKING_RELOADED',
  'MATCH_CANCELLED',
  'MATCH_EVENTS_RECORDED',
  'MATCH_REPORTED',
  'MATCH_STARTED',
  'MATCH_VOIDED',
  'NOTE_ADDED',
  'PASSWORD_CHANGED',
  'PASSWORD_RESET',
  'QUEUE_LOCKED',
  'QUEUE_LOCK_LIFTED',
  'REBUILT',
  'REFRESH_TOKEN_REUSED',
  'REGISTERED',
  'ROLE_CHANGED',
  'SEASON_END_PLANNED',
  'SEASON_STARTED',
  'SECRET_ROTATED',
  'SEEDED',
  'SERVER_KEY_CREATED',
  'SERVER_KEY_REVOKED',
  'SESSION_ENDED',
  'SIGNED_IN',
  'SIGNED_OUT',
  'SIGNED_OUT_EVERYWHERE',
  'SIGN_IN_SLOWED',
  'SUSPENDED',
  'SUSPENSION_LIFTED',
];

/** Such as “Match voided”. */
function spoken(action: string): string {
  return action.charAt(0) + action.slice(1).toLowerCase().replaceAll('_', ' ');
}

export function Audit() {
  const [actor, setActor] = useState('');
  const [object, setObject] = useState('');
  const [action, setAction] = useState('');
  const [who, what] = [useTyped(actor.trim()), useTyped(object.trim())];
  const filter = { actor: who || null, object: what || null, action: action || null };
  const paging = usePaging(JSON.stringify(filter));
  const read = useRead(AuditLog, { filter, after: paging.after });
  // What was found stays while something else is looked for.
  const page = useKept(read.data)?.auditLog;
  const [seen, setSeen] = useState<string[]>([]);
  useEffect(() => {
    if (page) setSeen((now) => [...new Set([...now, ...page.nodes.map((entry) => entry.action)])]);
  }, [page]);
  const actions = [...new Set([...ACTIONS, ...seen])].sort();
  const ids = new Set(page?.nodes.flatMap((entry) => [entry.actor, entry.object]).filter((id) => id.startsWith('user_')));
  const names = useRead(Names, ids.size > 0 ? { ids: [...ids] } : null);
  // With the names at once: they are shorter than the ids.
  const named = useKept(names.data ?? names.error) !== undefined || ids.size === 0;
  const known = new Map(
    names.data?.nodes.flatMap((node) => (node && 'username' in node ? [[node.id, node.username] as const] : [])),
  );
  return (
    <>
      <div className="filters">
        <Field label="Who (an id, operator, system)" value={actor} onChange={(event) => setActor(event.target.value)} />
        <Field label="To what (an id)" value={object} onChange={(event) => setObject(event.target.value)} />
        <Select
          label="Did what"
          value={action}
          options={[{ value: '', label: 'Anything' }, ...actions.map((one) => ({ value: one, label: spoken(one) }))]}
          onChange={setAction}
        />
      </div>
      <Pending read={read} what="the audit log" known={page !== undefined} />
      {page?.nodes.length === 0 && <Empty title="Nothing of that kind was done." />}
      {page && page.nodes.length > 0 && named && (
        <div className="scroll card" tabIndex={0} role="region" aria-label="Audit log">
          <table>
            <thead>
              <tr>
                <th className="number">No.</th>
                <th>When</th>
                <th>Did what</th>
                <th>Who</th>
                <th>To what</th>
                <th>Why and more</th>
              </tr>
            </thead>
            <tbody>
              {page.nodes.map((entry) => (
                <tr key={entry.seq}>
                  <td className="number">{entry.seq}</td>
                  <td>{moment(entry.at)}</td>
                  <td>
                    <code>{entry.action}</code>
                  </td>
                  <td>
                    <Thing id={entry.actor} name={known.get(entry.actor)} />
                    {entry.address && <div className="quiet small">{entry.address}</div>}
                  </td>
                  <td>
                    <Thing id={entry.object} name={known.get(entry.object)} />
                  </td>
                  <td>
                    <span dir="auto">{entry.reason}</span>
                    {entry.erased && <span className="quiet"> names were erased</span>}
                    {(entry.before ?? entry.after ?? entry.data) && (
                      <details>
                        <summary>Details</summary>
                        <code>{JSON.stringify({ before: entry.before, after: entry.after, data: entry.data })}</code>
                      </details>
                    )}
                  </td>
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

/** A person by name, a match with the way to it, anything else by its id. */
function Thing({ id, name }: { id: string; name: string | undefined }) {
  if (name) {
    return (
      <Link href={`/admin/users/${encodeURIComponent(name)}`} title={id}>
        {name}
      </Link>
    );
  }
  const code = <code className="small">{id}</code>;
  return id.startsWith('match_') ? <Link href={`/matches/${id}`}>{code}</Link> : code;
}
