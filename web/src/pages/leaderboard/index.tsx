// Who stands where: by mode, season and region, around anybody, as it changes.

import { useState } from 'react';
import { useSearchParams } from 'wouter';

import { useViewer } from '../../api/hooks';
import { useCatalog } from '../../parts/catalog';
import { PlayerSearch } from '../../parts/players';
import { Choice, Empty, Failure, Loading, Page, Select } from '../../ui/parts';
import { keep } from '../../ui/place';
import { Board } from './board';

export default function LeaderboardPage() {
  const catalog = useCatalog();
  const viewer = useViewer();
  const [search, setSearch] = useSearchParams();
  // Grows with every press of a button that looks for somebody: also for those who are looked for already.
  const [turn, setTurn] = useState(0);
  const change = (name: string, value: string) =>
    setSearch((now) => {
      const next = new URLSearchParams(now);
      if (value) next.set(name, value);
      else next.delete(name);
      return next;
    });
  if (!catalog.data) {
    return (
      <Page title="Leaderboard">
        {catalog.error ? <Failure error={catalog.error} retry={catalog.reload} /> : <Loading what="the leaderboard" />}
      </Page>
    );
  }
  const { modes, regions, seasons } = catalog.data;
  const wanted = search.get('mode');
  const mode = wanted ? modes.find(({ id }) => id === wanted) : modes[0];
  const season = seasons.find(({ id }) => id === search.get('season') && !seasons.find((one) => one.id === id)?.isCurrent);
  const region = regions.find(({ id }) => id === search.get('region'));
  const around = search.get('around');
  const lookFor = (id: string) => {
    keep('place', undefined);
    if (around !== id) change('around', id);
    setTurn((n) => n + 1);
  };
  return (
    <Page
      title="Leaderboard"
      aside={
        <Choice
          label="Mode"
          value={mode?.id ?? ''}
          options={modes.map(({ id, name }) => ({ value: id, label: name }))}
          onChange={(id) => change('mode', id)}
        />
      }
    >
      <div className="filters">
        <Select
          label="Season"
          value={season?.id ?? ''}
          options={seasons.map(({ id, name, isCurrent }) => ({
            value: isCurrent ? '' : id,
            label: isCurrent ? `${name} (now)` : name,
          }))}
          onChange={(id) => change('season', id)}
        />
        <Select
          label="Region"
          value={region?.id ?? ''}
          options={[{ value: '', label: 'Everywhere' }, ...regions.map(({ id, name }) => ({ value: id, label: name }))]}
          onChange={(id) => change('region', id)}
        />
        <PlayerSearch label="Find somebody" choose={({ id }) => lookFor(id)} />
        {viewer && (
          <button type="button" onClick={() => lookFor(viewer.id)}>
            Around me
          </button>
        )}
        {around && (
          <button type="button" onClick={() => change('around', '')}>
            From the top
          </button>
        )}
      </div>
      {mode ? (
        <Board
          key={`${mode.id} ${season?.id} ${region?.id} ${around} ${turn}`}
          mode={mode.id}
          season={season?.id ?? null}
          region={region?.id ?? null}
          around={around}
          self={viewer?.id ?? null}
        />
      ) : (
        <Empty title={`There is no mode “${wanted}”.`}>Those that there are stand above.</Empty>
      )}
    </Page>
  );
}
