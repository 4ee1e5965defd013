// What this browser keeps for the page. Where it keeps nothing, since its owner has it so, the page does with its memory.

type Where = 'localStorage' | 'sessionStorage';

const memory = new Map<string, string>();

export function kept(key: string, where: Where = 'localStorage'): string | null {
  try {
    // What did not fit there is in the memory.
    return window[where].getItem(key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

/** Keeps it; null forgets it. */
export function keep(key: string, value: string | null, where: Where = 'localStorage'): void {
  memory.delete(key);
  try {
    window[where].removeItem(key);
    if (value !== null) window[where].setItem(key, value);
  } catch {
    if (value !== null) memory.set(key, value);
  }
}
