#!/usr/bin/env bash
# Runs the checks of this folder against a fresh server of the binary in $1 (default: the newest build), and cleans up.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "${1:-$(ls -t "$here"/../../target/*/rankedhonor | head -1)}")
cd "$here"
CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$CHROMIUM" ]; then
  echo "no browser: install Debian's package chromium" >&2
  exit 1
fi
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
RANKEDHONOR_DATA_DIR=$(mktemp -d)
RANKEDHONOR_ADDR=127.0.0.1:$port
RANKEDHONOR_ORIGIN=http://$RANKEDHONOR_ADDR
RANKEDHONOR_BINARY=$binary
RANKEDHONOR_CONFIG=$here/settings.toml
RUST_LOG=warn
export CHROMIUM RANKEDHONOR_DATA_DIR RANKEDHONOR_ADDR RANKEDHONOR_ORIGIN RANKEDHONOR_BINARY RANKEDHONOR_CONFIG RUST_LOG
npm ci --silent --no-audit --no-fund
"$binary" serve &
RANKEDHONOR_PID=$!
trap 'kill $RANKEDHONOR_PID 2>/dev/null || true; rm -rf "$RANKEDHONOR_DATA_DIR"' EXIT
for _ in $(seq 100); do
  if node -e "fetch('$RANKEDHONOR_ORIGIN/readyz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"; then break; fi
  sleep 0.1
done
RANKEDHONOR_KEY=$("$binary" admin create-server-key --name clients)
export RANKEDHONOR_KEY
check() { timeout 600 node "$1.js" || { echo "$1.js failed" >&2; exit 1; }; }
check http
check probes
check fuzz
check schema
check live
check page
# The last one starts and stops servers itself.
kill "$RANKEDHONOR_PID"
wait "$RANKEDHONOR_PID"
check socket
