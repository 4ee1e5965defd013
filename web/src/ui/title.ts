// The title of the window: the page, and before it what one must not miss while one looks elsewhere.

let page = 'RankedHonor';
let sign: string | null = null;
let flashing: ReturnType<typeof setInterval> | undefined;

function show(signed: boolean): void {
  document.title = sign && signed ? `${sign} · ${page}` : page;
}

/** What the page is about. */
export function named(title: string): void {
  page = `${title} · RankedHonor`;
  show(true);
}

/** Puts something before it, or takes it away; what is `urgent` comes and goes while nobody looks. */
export function signed(text: string | null, urgent = false): void {
  sign = text;
  clearInterval(flashing);
  show(true);
  if (!text || !urgent) return;
  let now = true;
  flashing = setInterval(() => {
    now = document.visibilityState === 'visible' || !now;
    show(now);
  }, 1_000);
}
