// The colours that were chosen, before anything is painted; src/ui/theme.ts changes them from then on.
try {
  const theme = localStorage.getItem('rankedhonor.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // A browser that keeps nothing shows the colours of its system.
}
