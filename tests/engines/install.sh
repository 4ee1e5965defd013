#!/usr/bin/env bash
# Installs what is missing of the engines that the tests start: by apt where it may, and, where there is no mongod, the
# MongoDB-compatible SecantusDB of the Python package index into target/tools.
set -euo pipefail
cd "$(dirname "$0")/../.."
missing=()
command -v mariadb-install-db >/dev/null || missing+=(mariadb-server)
command -v redis-server >/dev/null || command -v valkey-server >/dev/null || missing+=(redis-server)
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null || missing+=(postgresql)
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing ${missing[*]}"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
fi
if ! command -v mongod >/dev/null && [ ! -x target/tools/secantus/bin/secantusd-py ]; then
  echo "no mongod here: installing SecantusDB"
  mkdir -p target/tools
  python3 -m venv target/tools/secantus
  target/tools/secantus/bin/pip install --quiet --disable-pip-version-check --pre SecantusDB==0.7.0b3
fi
