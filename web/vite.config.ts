import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const server = process.env.RANKEDHONOR_ORIGIN ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  build: {
    target: ['chrome123', 'edge123', 'firefox121', 'safari17.5'],
    outDir: 'dist',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: 'licenses.md' },
    manifest: 'manifest.json',
    rolldownOptions: {
      input: ['index.html', 'explore.html'],
      // GraphiQL comes compiled: what its files told their compiler means nothing here.
      onLog: (level, log, report) => log.code !== 'MODULE_LEVEL_DIRECTIVE' && report(level, log),
    },
    // The editor of GraphiQL is what it is; scripts/pack.js holds what the other pages load to its budget.
    chunkSizeWarningLimit: 8_000,
  },
  worker: { format: 'es' },
  // `npm run dev` serves the page and passes the API on to a server that runs.
  server: { proxy: { '/graphql': { target: server, ws: true, headers: { origin: server } } } },
});
