// Light, dark, or as the system has it.

import { keep, kept } from '../api/kept';
import { store } from '../api/store';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'rankedhonor.theme';
const before = kept(KEY);

export const theme = store<Theme>(before === 'light' || before === 'dark' ? before : 'system');

function show(): void {
  if (theme.get() === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.get();
}

// public/theme.js shows what was chosen before.
theme.subscribe(() => {
  keep(KEY, theme.get());
  show();
});
