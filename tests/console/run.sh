#!/usr/bin/env bash
# Uses the console in real browsers, against servers of the binary in $1 (default: the newest build) that it starts itself. Builds the
# console first. With --where-possible it says what is missing and passes, unless CONSOLE_TESTS=required; without, that is a failure.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
possible=""
if [ "${1:-}" = --where-possible ]; then possible=yes && shift; fi
[ "${CONSOLE_TESTS:-}" != required ] || possible=""
lacks() {
  echo "the console is not tested in a browser: $1" >&2
  if [ -n "$possible" ]; then exit 0; fi
  exit 1
}
command -v npm >/dev/null || lacks "npm is not installed"
browser() { command -v chromium || command -v chromium-browser || command -v google-chrome || true; }
if [ -z "$(browser)" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  { apt-get update -qq && apt-get install -y -qq chromium; } >/dev/null 2>&1 || true
fi
CHROMIUM=$(browser)
[ -n "$CHROMIUM" ] || lacks "install Debian's package chromium"
RANKEDHONOR_BINARY=$(realpath "${1:-$(ls -t "$here"/../../target/*/rankedhonor | head -1)}")
export CHROMIUM RANKEDHONOR_BINARY
"$here/../../scripts/build-console.sh"
npm --prefix "$here/../../web" run --silent lint
cd "$here"
npm ci --silent --no-audit --no-fund
for check in ${CHECKS:-play queue connection accounts admin pages ways trusted load}; do
  timeout 1500 node "$check.js" || { echo "$check.js failed" >&2; exit 1; }
done
