// Finding somebody.

import { useLocation } from 'wouter';

import { PlayerSearch, playerPath } from '../../parts/players';
import { Card, Page } from '../../ui/parts';

export default function PlayersPage() {
  const [, go] = useLocation();
  return (
    <Page title="Players">
      <Card title="Whom are you looking for?">
        <PlayerSearch label="Their name begins with" choose={({ username }) => go(playerPath(username))} />
      </Card>
    </Page>
  );
}
