// After the build: compresses what is worth it, and holds what each page loads at first to its budget. Prints the figures.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const DIST = new URL('../dist/', import.meta.url).pathname;
/** Compressed kilobytes: what a page loads at first, and requests that it takes. */
const BUDGETS = {
  // With the page that stands on /, which comes behind the frame.
  'index.html': { first: 'src/pages/live/index.tsx', script: 150, style: 10, total: 170, requests: 12 },
};
const PAGE_KB = 40;

const packed = new Map();
for (const entry of readdirSync(DIST, { recursive: true })) {
  const path = join(DIST, entry);
  if (!statSync(path).isFile() || /\.(html|gz)$|\.gitkeep$/.test(entry)) continue;
  const raw = readFileSync(path);
  const small = gzipSync(raw, { level: 9 });
  if (small.length < raw.length * 0.9) writeFileSync(`${path}.gz`, small);
  packed.set(entry, Math.min(small.length, raw.length));
}

const manifest = JSON.parse(readFileSync(join(DIST, 'manifest.json'), 'utf8'));
rmSync(join(DIST, 'manifest.json'));
rmSync(join(DIST, 'manifest.json.gz'), { force: true });

/** Everything that comes with an entry before it runs. */
function files(name, found = new Set()) {
  const chunk = manifest[name];
  if (found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const style of chunk.css ?? []) found.add(style);
  for (const other of chunk.imports ?? []) files(other, found);
  return found;
}
const kb = (names) => [...names].reduce((sum, name) => sum + (packed.get(name) ?? 0), 0) / 1024;

const problems = [];
for (const [page, { first, ...budget }] of Object.entries(BUDGETS)) {
  const frame = files(page);
  const loaded = files(first, new Set(frame));
  const of = (kind) => kb([...loaded].filter((name) => name.endsWith(kind)));
  const figures = { script: of('.js'), style: of('.css'), total: kb(loaded) + kb(['theme.js']) + 1, requests: loaded.size + 3 };
  console.log(
    `${page}: ${Object.entries(figures)
      .map(([what, value]) => `${what} ${value.toFixed(what === 'requests' ? 0 : 1)}`)
      .join(', ')} (KB, compressed)`,
  );
  for (const [what, most] of Object.entries(budget)) {
    if (figures[what] > most) problems.push(`${page}: ${what} is ${figures[what].toFixed(1)}, at most ${most} is allowed`);
  }
  // What each of its pages loads beside that.
  for (const name of manifest[page].dynamicImports ?? []) {
    const more = new Set([...files(name)].filter((file) => !frame.has(file)));
    console.log(`  ${name}: ${kb(more).toFixed(1)}`);
    if (kb(more) > PAGE_KB) problems.push(`${name} adds ${kb(more).toFixed(1)} KB, at most ${PAGE_KB} is allowed`);
  }
}
console.log(`explore.html: ${kb(files('explore.html')).toFixed(0)} at first, on its page only`);
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
