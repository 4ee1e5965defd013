// Whether the server can be reached, and what its clock says: seen from every request that the page sends.

import { store } from './store';

/** Whether this machine has a network at all, as the browser sees it. */
export const online = store(navigator.onLine);

/** Whether the last request was answered. */
export const reached = store(true);

/** Grows whenever the server is back after a break: what no stream tells is to be read again. */
export const comebacks = store(0);

export function comeBack(): void {
  comebacks.set(comebacks.get() + 1);
}

/** Hears when it may be worth a try again: the network is back, or somebody looks at the page. */
const hopes = new Set<() => void>();

export function onHope(hoped: () => void): void {
  hopes.add(hoped);
}

addEventListener('offline', () => online.set(false));
addEventListener('online', () => {
  online.set(true);
  hopes.forEach((hoped) => hoped());
});
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') hopes.forEach((hoped) => hoped());
});

/** How far the server's clock is ahead, in milliseconds: at least and at most. */
let ahead: [number, number] | undefined;

/** Each answer says the second that the server had, somewhere between asking and hearing: together they say it closer. */
function hearClock(date: string | null, asked: number, heard: number): void {
  const told = Date.parse(date ?? '');
  if (Number.isNaN(told)) return;
  const [least, most] = [told - heard, told + 1_000 - asked];
  const closer: [number, number] = ahead ? [Math.max(least, ahead[0]), Math.min(most, ahead[1])] : [least, most];
  // One of the clocks was set.
  ahead = closer[0] <= closer[1] ? closer : [least, most];
}

/** The time by the server's clock: this machine's may be wrong. */
export function serverNow(): number {
  return Date.now() + (ahead ? (ahead[0] + ahead[1]) / 2 : 0);
}

/** What every request goes through. */
export const reaching: typeof fetch = async (input, init) => {
  const asked = Date.now();
  try {
    const answer = await fetch(input, init);
    hearClock(answer.headers.get('date'), asked, Date.now());
    // What stands before a server that is gone answers in its place.
    if (![502, 504].includes(answer.status)) found();
    else reached.set(false);
    return answer;
  } catch (error) {
    if (!init?.signal?.aborted) reached.set(false);
    throw error;
  }
};

function found(): void {
  if (reached.get()) return;
  reached.set(true);
  comeBack();
}

/** What did not go through here failed: it is found out whether the server is there. */
export function doubt(): void {
  reached.set(false);
}

let failures = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Asks for something small, until the server has it. */
function probe(): void {
  clearTimeout(timer);
  if (reached.get()) {
    failures = 0;
    return;
  }
  const wait = Math.min(500 * 2 ** failures++, 5_000) * (0.5 + Math.random());
  timer = setTimeout(() => {
    const signal = AbortSignal.timeout(10_000);
    const asked = reaching('/favicon.svg', { method: 'HEAD', cache: 'no-store', signal });
    void asked.catch(() => undefined).then(probe);
  }, wait);
}

reached.subscribe(probe);
onHope(() => {
  failures = 0;
  probe();
});
