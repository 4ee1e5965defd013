#!/usr/bin/env bash
# Vendors the libraries of the GraphiQL page, as they were published, compressed. Needs npm. Run it to move to newer ones.
set -euo pipefail
cd "$(dirname "$0")/../assets/graphiql"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm init -y >/dev/null &&
  npm install --silent --ignore-scripts --no-audit --no-fund graphiql@4.1.2 react@18.3.1 react-dom@18.3.1 graphql-ws@5.16.2)
pack() { gzip -9 -n -c "$work/node_modules/$1" >"$2.gz"; }
pack graphiql/graphiql.min.js graphiql.js
pack graphiql/graphiql.min.css graphiql.css
pack react/umd/react.production.min.js react.js
pack react-dom/umd/react-dom.production.min.js react-dom.js
pack graphql-ws/umd/graphql-ws.min.js graphql-ws.js
cat "$work"/node_modules/{graphiql,react,react-dom}/LICENSE "$work"/node_modules/graphql-ws/LICENSE.md >LICENSES
