// The season: when it ends, and what the next would do.

import { useState } from 'react';

import { graphql } from '../../api/gql';
import type { StartSeasonMutation } from '../../api/gql/graphql';
import { useAct } from '../../api/hooks';
import { useCatalog } from '../../parts/catalog';
import { Card, day, Field, moment, number, Refusal } from '../../ui/parts';
import { Pending } from './pages';

const StartSeason = graphql(`
  mutation StartSeason($input: StartSeasonInput!) {
    startSeason(input: $input) {
      season {
        id
        name
      }
      preview {
        mode {
          id
          name
        }
        players
        listed
        shortPlacements
        uncertaintyBefore
        uncertaintyAfter
        openMatches
      }
    }
  }
`);

const PlanSeasonEnd = graphql(`
  mutation PlanSeasonEnd($input: PlanSeasonEndInput!) {
    planSeasonEnd(input: $input) {
      season {
        id
      }
    }
  }
`);

type Preview = NonNullable<StartSeasonMutation['startSeason']['preview']>;

export function Season() {
  const catalog = useCatalog();
  const plan = useAct(PlanSeasonEnd, catalog.reload);
  const seasons = catalog.data?.seasons;
  const current = seasons?.find(({ isCurrent }) => isCurrent);
  return (
    <>
      <Pending read={catalog} what="the season" />
      {current && (
        <div className="grid">
          <Card title={current.name}>
            <p>
              Since {moment(current.startsAt)}, {current.endsAt ? `until ${moment(current.endsAt)}` : 'until another is started'}.
            </p>
            <form
              key={current.endsAt}
              onSubmit={(event) => {
                event.preventDefault();
                const typed = new FormData(event.currentTarget);
                const [endsAt, nextName] = [String(typed.get('endsAt')), String(typed.get('nextName'))];
                void plan.run({ input: { endsAt: endsAt ? new Date(endsAt).toISOString() : null, nextName: nextName || null } });
              }}
            >
              <Field
                label="Ends by itself at"
                name="endsAt"
                type="datetime-local"
                required
                defaultValue={current.endsAt ? local(current.endsAt) : undefined}
              />
              <Field
                label="Name of the next"
                name="nextName"
                maxLength={100}
                hint={current.endsAt ? 'As you want it from now on; empty: by its number' : 'Empty: by its number'}
              />
              <div className="row">
                <button disabled={plan.busy}>Plan it so</button>
                {current.endsAt && (
                  <button
                    type="button"
                    className="danger"
                    disabled={plan.busy}
                    onClick={() => void plan.run({ input: { endsAt: null, nextName: null } })}
                  >
                    Plan no end
                  </button>
                )}
              </div>
              <Refusal error={plan.error} />
            </form>
          </Card>
          <Next started={catalog.reload} />
          <Card title="All of them">
            <ul className="list">
              {seasons?.map((season) => (
                <li key={season.id} className="apart">
                  <span>{season.name}</span>
                  <span className="quiet small">{day(season.startsAt)}</span>
                </li>
              ))}
            </ul>
          </Card>
        </div>
      )}
    </>
  );
}

/** An instant as such a field has it: in the time of this machine. */
function local(at: string): string {
  const time = new Date(at);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Nobody starts a season before they saw what it does. */
function Next({ started }: { started: () => void }) {
  const [seen, setSeen] = useState<{ name: string; preview: Preview }>();
  const act = useAct(StartSeason, ({ startSeason }) => {
    if (startSeason.preview) setSeen({ name: startSeason.season.name, preview: startSeason.preview });
    else {
      setSeen(undefined);
      started();
    }
  });
  return (
    <Card title="Start the next one">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void act.run({ input: { name: String(new FormData(event.currentTarget).get('name')), dryRun: true } });
        }}
      >
        <Field label="Name" name="name" required maxLength={100} />
        <button disabled={act.busy}>Show what it would do</button>
      </form>
      {seen && (
        <>
          <ul className="list" role="status">
            {seen.preview.map((one) => (
              <li key={one.mode.id}>
                <strong>{one.mode.name}</strong>: {number(one.players)} ratings are carried over, ±{number(one.uncertaintyBefore)}{' '}
                becomes ±{number(one.uncertaintyAfter)}; {number(one.listed)} leave the leaderboard until placed,{' '}
                {number(one.shortPlacements)} with short placements; {number(one.openMatches)} open matches count for the old
                season.
              </li>
            ))}
          </ul>
          <button
            type="button"
            className="danger"
            disabled={act.busy}
            onClick={() => void act.run({ input: { name: seen.name, dryRun: false } })}
          >
            End the season and start “{seen.name}”
          </button>
        </>
      )}
      <Refusal error={act.error} />
    </Card>
  );
}
