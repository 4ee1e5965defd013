// The viewer's notifications: how many are unread, and what they say.

import { useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';

import { graphql } from '../api/gql';
import { useAct, useRead, useStream } from '../api/hooks';
import { useStore } from '../api/store';
import { Dialog, Empty, Failure, Loading, When } from '../ui/parts';
import { isOpen } from './matches';
import { accepted, ticket } from './ticket';

const Notifications = graphql(`
  query Notifications {
    notifications(first: 30) {
      unreadCount
      nodes {
        id
        kind
        title
        body
        data
        createdAt
        readAt
      }
    }
  }
`);

const NotificationReceived = graphql(`
  subscription NotificationReceived {
    notificationReceived {
      id
      kind
      title
    }
  }
`);

const MarkRead = graphql(`
  mutation MarkNotificationsRead($input: MarkNotificationsReadInput!) {
    markNotificationsRead(input: $input) {
      unreadCount
    }
  }
`);

const FOUND = 'MATCH_FOUND';

export function Bell() {
  const { data, error, reload } = useRead(Notifications, {});
  const [open, setOpen] = useState(false);
  const [said, setSaid] = useState('');
  const mark = useAct(MarkRead, reload);
  const [path] = useLocation();
  useStream(NotificationReceived, {}, (heard) => {
    const last = heard.at(-1)?.notificationReceived;
    // Where one plays, the page itself says so.
    if (last && !(last.kind === FOUND && path === '/play')) setSaid(last.title);
    reload();
  });
  // Whoever has accepted has read that there is something to accept.
  const yes = useStore(accepted);
  const answered = data?.notifications.nodes.find((one) => one.kind === FOUND && one.data?.matchId === yes && !one.readAt)?.id;
  useEffect(() => {
    if (yes && answered) void mark.run({ input: { ids: [answered] } });
  }, [yes, answered]);
  const unread = data?.notifications.unreadCount ?? 0;
  const close = () => {
    setOpen(false);
    if (unread > 0) void mark.run({ input: {} });
  };
  return (
    <>
      <button className="bare" onClick={() => setOpen(true)} aria-label={`Notifications: ${unread} unread`}>
        <span aria-hidden>✉{unread > 0 && <sup> {unread}</sup>}</span>
      </button>
      <span className="hidden" role="status">
        {said}
      </span>
      {open && (
        <Dialog title="Notifications" close={close}>
          {!data && (error ? <Failure error={error} retry={reload} /> : <Loading what="notifications" />)}
          {data?.notifications.nodes.length === 0 && (
            <Empty title="Nothing yet.">Matches, ranks and what concerns your account come here.</Empty>
          )}
          <ul className="list">
            {data?.notifications.nodes.map((one) => (
              <li key={one.id}>
                <div className="apart">
                  <Title title={one.title} data={one.data} close={close} />
                  <span className="quiet small">
                    <When at={one.createdAt} />
                  </span>
                </div>
                <Body of={one} />
              </li>
            ))}
          </ul>
        </Dialog>
      )}
    </>
  );
}

/** What it says; of a match that was found, only while there is something to answer. */
function Body({ of }: { of: { kind: string; body: string | null; data: Record<string, unknown> | null } }) {
  const now = useStore(ticket)?.match;
  const over = of.kind === FOUND && !(now?.id === of.data?.matchId && now?.status === 'READY_CHECK');
  return of.body && !over ? <p className="quiet">{of.body}</p> : null;
}

/** Leads to the match that it is about: to where it is played, while it is one's own. */
function Title({ title, data, close }: { title: string; data: Record<string, unknown> | null; close: () => void }) {
  const now = useStore(ticket)?.match;
  const id = data?.matchId;
  if (typeof id !== 'string') return <strong>{title}</strong>;
  const plays = now?.id === id && isOpen(now.status);
  return (
    <Link href={plays ? '/play' : `/matches/${id}`} onClick={close}>
      <strong>{title}</strong>
    </Link>
  );
}
