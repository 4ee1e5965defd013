#!/usr/bin/env bash
# Plays the example against a fresh server of the binary in $1 (default: the newest build), and cleans up.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "${1:-$(ls -t "$here"/../../target/*/rankedhonor | head -1)}")
cd "$here"
export RANKEDHONOR_DATA_DIR RANKEDHONOR_ADDR RANKEDHONOR_URL RANKEDHONOR_KEY
RANKEDHONOR_DATA_DIR=$(mktemp -d)
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
RANKEDHONOR_ADDR=127.0.0.1:$port
RANKEDHONOR_URL=http://$RANKEDHONOR_ADDR/graphql
npm ci --silent --no-audit --no-fund
RUST_LOG=warn "$binary" serve &
server=$!
trap 'kill $server; rm -rf "$RANKEDHONOR_DATA_DIR"' EXIT
for _ in $(seq 100); do
  if node -e "fetch('http://$RANKEDHONOR_ADDR/readyz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"; then break; fi
  sleep 0.1
done
RANKEDHONOR_KEY=$(RUST_LOG=error "$binary" admin create-server-key --name duel)
node duel.js
