// Where one was on a page: it is kept with the page's place in the browser's history, for whoever comes back to it.

const KEPT_MS = 150;

/** What was kept under that name when this place in the history was left. */
export function kept<T>(name: string): T | undefined {
  return (history.state as Record<string, T> | null)?.[name];
}

/** Keeps it with this place in the history. */
export function keep(name: string, value: unknown): void {
  history.replaceState({ ...history.state, [name]: value }, '');
}

history.scrollRestoration = 'manual';

/** How far down the page has to be once it is long enough again; null: it is. */
let wanted: number | null = kept<number>('scroll') ?? null;

/** Whether the page goes back to where it was: then nothing else scrolls it. */
export function restoring(): boolean {
  return wanted !== null;
}

function restore(): void {
  if (wanted === null) return;
  scrollTo({ top: wanted, behavior: 'instant' });
  if (Math.abs(scrollY - wanted) < 2) wanted = null;
}

let timer: ReturnType<typeof setTimeout> | undefined;
addEventListener('scroll', () => {
  clearTimeout(timer);
  const where = location.href;
  timer = setTimeout(() => wanted === null && location.href === where && keep('scroll', scrollY), KEPT_MS);
});
addEventListener('popstate', () => {
  wanted = kept<number>('scroll') ?? null;
  // Once the page that one came to is drawn.
  requestAnimationFrame(() => requestAnimationFrame(restore));
});
// What a page shows comes bit by bit: until then, or until the person scrolls by themselves.
new ResizeObserver(restore).observe(document.documentElement);
for (const kind of ['wheel', 'touchmove', 'keydown', 'pointerdown']) {
  addEventListener(kind, () => (wanted = null), { capture: true, passive: true });
}
