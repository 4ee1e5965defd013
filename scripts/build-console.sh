#!/usr/bin/env bash
# Builds the console into web/dist, unless what is there is newer than everything it is made of. Needs npm. With
# --where-possible it says in a line why it could not, and passes: the server has GraphiQL on / then.
set -euo pipefail
if [ "${1:-}" = --where-possible ]; then
  command -v npm >/dev/null || { echo "npm is not installed: the console is not built, / has GraphiQL instead" >&2; exit 0; }
  "$0" || echo "the console could not be built, see above: / has what was built before, or GraphiQL" >&2
  exit 0
fi
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root/web"
made=dist/index.html
if [ -f "$made" ] && [ -z "$(find ../schema.graphql src public scripts ./*.html ./*.ts ./*.json -newer "$made" -not -path 'src/api/gql/*' -print -quit)" ]; then
  exit 0
fi
if ! cmp -s package-lock.json node_modules/.of; then
  npm ci --silent --no-audit --no-fund
  cp package-lock.json node_modules/.of
fi
npm run --silent build
