// Who stands where: by mode, season and region, around anybody, as it changes.

import { useSearchParams } from 'wouter';

import { useViewer } from '../../api/hooks';
import { useCatalog } from '../../parts/catalog';
import { PlayerSearch } from '../../parts/players';
import { Choice, Failure, Loading, Page, Select } from '../../ui/parts';
import { Board } from './board';

export default function LeaderboardPage() {
  const catalog = useCatalog();
  const viewer = useViewer();
  const [search, setSearch] = useSearchParams();
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
  const mode = modes.find(({ id }) => id === search.get('mode')) ?? modes[0]!;
  const season = seasons.find(({ id }) => id === search.get('season') && !seasons.find((one) => one.id === id)?.isCurrent);
  const region = regions.find(({ id }) => id === search.get('region'));
  const around = search.get('around');
  return (
    <Page
      title="Leaderboard"
      aside={
        <Choice
          label="Mode"
          value={mode.id}
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
        <PlayerSearch label="Find somebody" choose={({ id }) => change('around', id)} />
        {viewer && (
          <button type="button" onClick={() => change('around', viewer.id)} disabled={around === viewer.id}>
            Around me
          </button>
        )}
        {around && (
          <button type="button" onClick={() => change('around', '')}>
            From the top
          </button>
        )}
      </div>
      <Board
        key={`${mode.id} ${season?.id} ${region?.id} ${around}`}
        mode={mode.id}
        season={season?.id ?? null}
        region={region?.id ?? null}
        around={around}
        self={viewer?.id ?? null}
      />
    </Page>
  );
}
