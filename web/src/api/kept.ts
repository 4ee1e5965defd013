// What this browser keeps for the page. Where it keeps nothing, since its owner has it so, the page does with its memory.

type Where = 'localStorage' | 'sessionStorage';

const memory = new Map<string, string>();

export function kept(key: string, where: Where = 'localStorage'): string | null {
  try {
    // What did not fit there is in the memory.
    return memory.get(key) ?? window[where].getItem(key);
  } catch {
    return memory.get(key) ?? null;
  }
}

/** Keeps it; null forgets it. */
export function keep(key: string, value: string | null, where: Where = 'localStorage'): void {
  try {
    if (value === null) window[where].removeItem(key);
    else window[where].setItem(key, value);
    memory.delete(key);
  } catch {
    if (value === null) memory.delete(key);
    else memory.set(key, value);
  }
}
