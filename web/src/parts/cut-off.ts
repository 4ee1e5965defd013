// Whether what one sees is how things are.

import { connection } from '../api/live';
import { online, reached } from '../api/reach';
import { useStore } from '../api/store';

/** Why it may not be: this device is offline, or the server cannot be reached. */
export function useCutOff(): 'offline' | 'away' | undefined {
  const offline = !useStore(online);
  const lost = useStore(connection) === 'lost';
  const away = !useStore(reached);
  return offline ? 'offline' : lost || away ? 'away' : undefined;
}
