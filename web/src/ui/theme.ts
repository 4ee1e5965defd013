// Light, dark, or as the system has it.

import { store } from '../api/store';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'rankedhonor.theme';
const kept = localStorage.getItem(KEY);

export const theme = store<Theme>(kept === 'light' || kept === 'dark' ? kept : 'system');

function show(): void {
  if (theme.get() === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.get();
}

theme.subscribe(() => {
  localStorage.setItem(KEY, theme.get());
  show();
});
show();
