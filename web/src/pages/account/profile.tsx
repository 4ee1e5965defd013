// What others see of oneself, and whom one has blocked.

import { useState } from 'react';

import { graphql } from '../../api/gql';
import { useAct, useRead } from '../../api/hooks';
import { useCatalog } from '../../parts/catalog';
import { Blocked, Unblock } from '../../parts/blocks';
import { PlayerLink } from '../../parts/players';
import { Card, Field, Refusal, Select } from '../../ui/parts';

const Update = graphql(`
  mutation UpdateProfile($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      user {
        id
      }
    }
  }
`);

interface Shown {
  country: string | null;
  bio: string | null;
  region: { id: string } | null;
}

export function Profile({ country, bio, region, changed }: Shown & { changed: () => void }) {
  const { data } = useCatalog();
  const [chosen, setChosen] = useState(region?.id ?? '');
  const [saved, setSaved] = useState(false);
  const act = useAct(Update, changed);
  return (
    <Card title="What others see">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const typed = new FormData(event.currentTarget);
          const text = (name: string) => String(typed.get(name)).trim() || null;
          const input = { region: chosen || null, country: text('country')?.toUpperCase() ?? null, bio: text('bio') };
          void act.run({ input }).then(setSaved);
        }}
      >
        <Select
          label="Where you play"
          value={chosen}
          options={[
            { value: '', label: 'Not said' },
            ...(data?.regions ?? []).map(({ id, name }) => ({ value: id, label: name })),
          ]}
          onChange={setChosen}
        />
        <Field
          label="Country"
          name="country"
          error={act.error}
          defaultValue={country ?? ''}
          maxLength={2}
          hint="Two letters, such as DE"
        />
        <Field label="About you" name="bio" error={act.error} defaultValue={bio ?? ''} maxLength={500} />
        <button disabled={act.busy}>Save</button>
        <p role="status">{saved && 'Saved.'}</p>
        <Refusal error={act.error} fields={['country', 'bio']} />
      </form>
    </Card>
  );
}

/** Nothing, where nobody is. */
export function BlockedPlayers() {
  const { data, reload } = useRead(Blocked, {});
  const act = useAct(Unblock, reload);
  const blocked = data?.me?.blockedUsers ?? [];
  if (blocked.length === 0) return null;
  return (
    <Card title="Blocked players">
      <ul className="list">
        {blocked.map(({ id, username }) => (
          <li key={id} className="apart">
            <PlayerLink username={username} />
            <button
              type="button"
              disabled={act.busy}
              onClick={() => void act.run({ input: { userId: id } })}
              aria-label={`Unblock ${username}`}
            >
              Unblock
            </button>
          </li>
        ))}
      </ul>
      <Refusal error={act.error} />
    </Card>
  );
}
