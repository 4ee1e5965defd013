// One account, and what can be done to it.

import { useState, type FormEvent } from 'react';
import { Link } from 'wouter';

import { graphql } from '../../api/gql';
import type { Role } from '../../api/gql/graphql';
import { useAct, useRead } from '../../api/hooks';
import { playerPath } from '../../parts/players';
import { Badge, Card, day, Empty, Field, moment, Refusal, Select, When } from '../../ui/parts';
import { Pending } from './pages';

const Managed = graphql(`
  query ManagedUser($by: UserBy!) {
    user(by: $by) {
      id
      username
      role
      email
      emailVerified
      createdAt
      deletesAt
      suspension {
        until
        reason
      }
      queueLock {
        until
        reason
        count
      }
      notes {
        id
        text
        createdAt
        author {
          username
        }
      }
    }
  }
`);

const Suspend = graphql(`
  mutation SuspendUser($input: SuspendUserInput!) {
    suspendUser(input: $input) {
      user {
        id
      }
    }
  }
`);

const LiftSuspension = graphql(`
  mutation LiftSuspension($input: LiftSuspensionInput!) {
    liftSuspension(input: $input) {
      user {
        id
      }
    }
  }
`);

const LockQueue = graphql(`
  mutation LockQueue($input: LockQueueInput!) {
    lockQueue(input: $input) {
      user {
        id
      }
    }
  }
`);

const LiftQueueLock = graphql(`
  mutation LiftQueueLock($input: LiftQueueLockInput!) {
    liftQueueLock(input: $input) {
      lifted
    }
  }
`);

const AddNote = graphql(`
  mutation AddNote($input: AddNoteInput!) {
    addNote(input: $input) {
      note {
        id
      }
    }
  }
`);

const SetRole = graphql(`
  mutation SetRole($input: SetRoleInput!) {
    setRole(input: $input) {
      user {
        id
      }
    }
  }
`);

const HOURS = [
  { value: '1', label: 'an hour' },
  { value: '24', label: 'a day' },
  { value: '168', label: 'a week' },
  { value: '720', label: '30 days' },
];

function inHours(hours: string): string {
  return new Date(Date.now() + Number(hours) * 3_600_000).toISOString();
}

export function User({ name, admin }: { name: string; admin: boolean }) {
  const read = useRead(Managed, { by: { username: name } });
  const user = read.data?.user;
  if (!user) return read.data ? <Empty title="Nobody has this name." /> : <Pending read={read} what={name} />;
  const id = user.id;
  return (
    <>
      <p className="row">
        <Badge>{user.role.toLowerCase()}</Badge>
        {user.email && (
          <span>
            {user.email} {user.emailVerified && <Badge tone="good">verified</Badge>}
          </span>
        )}
        {user.deletesAt && <Badge tone="warn">to be deleted {day(user.deletesAt)}</Badge>}
        <Link href={playerPath(user.username)}>What others see</Link>
      </p>
      <div className="grid">
        <Suspension id={id} now={user.suspension} changed={read.reload} />
        <Lock id={id} now={user.queueLock} changed={read.reload} />
        <Notes id={id} notes={user.notes ?? []} changed={read.reload} />
        {admin && <RoleOf id={id} now={user.role} changed={read.reload} />}
      </div>
    </>
  );
}

/** The reason that was typed. A form stands for what can be done now, so it is another one, and empty, afterwards. */
function reasonIn(event: FormEvent<HTMLFormElement>): string {
  event.preventDefault();
  return String(new FormData(event.currentTarget).get('reason'));
}

function Suspension({
  id,
  now,
  changed,
}: {
  id: string;
  now: { until: string | null; reason: string } | null;
  changed: () => void;
}) {
  const suspend = useAct(Suspend, changed);
  const lift = useAct(LiftSuspension, changed);
  const [hours, setHours] = useState('24');
  return (
    <Card title="Suspension">
      {now && (
        <p>
          Suspended {now.until ? <>until {moment(now.until)}</> : 'until lifted'}: <span dir="auto">{now.reason}</span>
        </p>
      )}
      <form
        key={now ? 'lift' : 'suspend'}
        onSubmit={(event) => {
          const reason = reasonIn(event);
          if (now) void lift.run({ input: { userId: id, reason } });
          else void suspend.run({ input: { userId: id, reason, until: hours === '' ? null : inHours(hours) } });
        }}
      >
        {!now && (
          <Select label="For" value={hours} options={[...HOURS, { value: '', label: 'until lifted' }]} onChange={setHours} />
        )}
        <Field label="Why" name="reason" required maxLength={500} />
        <button className={now ? undefined : 'danger'} disabled={suspend.busy || lift.busy}>
          {now ? 'Lift it' : 'Suspend'}
        </button>
        <Refusal error={suspend.error ?? lift.error} />
      </form>
    </Card>
  );
}

function Lock({
  id,
  now,
  changed,
}: {
  id: string;
  now: { until: string; reason: string; count: number } | null;
  changed: () => void;
}) {
  const lock = useAct(LockQueue, changed);
  const lift = useAct(LiftQueueLock, changed);
  const [hours, setHours] = useState('1');
  return (
    <Card title="The queue">
      {now ? (
        <>
          <p>
            Kept out until {moment(now.until)} ({now.reason.toLowerCase().replace('_', ' ')}, time {now.count})
          </p>
          <button type="button" disabled={lift.busy} onClick={() => void lift.run({ input: { userId: id } })}>
            Lift it
          </button>
        </>
      ) : (
        <form
          onSubmit={(event) => {
            const reason = reasonIn(event);
            void lock.run({ input: { userId: id, reason, until: inHours(hours) } });
          }}
        >
          <Select label="Keep out for" value={hours} options={HOURS} onChange={setHours} />
          <Field label="Why" name="reason" required maxLength={500} />
          <button className="danger" disabled={lock.busy}>
            Keep out
          </button>
        </form>
      )}
      <Refusal error={lock.error ?? lift.error} />
    </Card>
  );
}

function Notes({
  id,
  notes,
  changed,
}: {
  id: string;
  notes: { id: string; text: string; createdAt: string; author: { username: string } }[];
  changed: () => void;
}) {
  const add = useAct(AddNote, changed);
  return (
    <Card title="Notes">
      <ul className="list">
        {notes.map((note) => (
          <li key={note.id}>
            <p dir="auto">{note.text}</p>
            <p className="quiet small">
              {note.author.username}, <When at={note.createdAt} />
            </p>
          </li>
        ))}
      </ul>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget;
          const text = String(new FormData(form).get('text'));
          void add.run({ input: { userId: id, text } }).then((done) => done && form.reset());
        }}
      >
        <Field label="For other moderators" name="text" required maxLength={1000} />
        <button disabled={add.busy}>Note it</button>
        <Refusal error={add.error} />
      </form>
    </Card>
  );
}

function RoleOf({ id, now, changed }: { id: string; now: Role; changed: () => void }) {
  const act = useAct(SetRole, changed);
  const [role, setRole] = useState<Role>(now);
  return (
    <Card title="Role">
      <Select
        label="May do what"
        value={role}
        options={[
          { value: 'PLAYER', label: 'Player: plays' },
          { value: 'MODERATOR', label: 'Moderator: also suspends' },
          { value: 'ADMIN', label: 'Admin: everything' },
        ]}
        onChange={setRole}
      />
      <button type="button" disabled={act.busy || role === now} onClick={() => void act.run({ input: { userId: id, role } })}>
        Change it
      </button>
      <Refusal error={act.error} />
    </Card>
  );
}
