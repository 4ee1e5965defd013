#!/usr/bin/env bash
# Runs the tests against real engines: first those that start engines of their own, then the suite of the embedded server
# once more on each combination, but for what asks no engine. Fails, never skips, when an engine cannot be started.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/engines/install.sh

work=$(mktemp -d)
chmod 755 "$work"
pids=()
finish() {
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  wait "${pids[@]}" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

taken() { # port
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

start() { # kind
  # Below the ports that the system gives to outgoing connections; the bus of a Redis cluster takes another one, 10,000
  # above. The tests take other ones for the engines and servers that they start.
  local port
  for _ in $(seq 50); do
    port=$((RANDOM % 1000 + 10000))
    if ! taken "$port" && ! taken $((port + 10000)); then break; fi
  done
  NEVER_KILLED=1 tests/engines/engine.sh "$1" "$work/$1" "$port" >"$work/$1.out" 2>&1 </dev/null &
  pids+=("$!")
  printf -v "${1//-/_}" %s "$port"
}

answers() { # kind
  local name=${1//-/_}
  for _ in $(seq 600); do
    if (exec 3<>"/dev/tcp/127.0.0.1/${!name}") 2>/dev/null; then return; fi
    sleep 0.1
  done
  echo "$1 does not start:" >&2
  cat "$work/$1.out" "$work/$1.log" >&2 || true
  exit 1
}

for kind in mariadb postgres redis redis-cluster mongodb; do start "$kind"; done

cargo test --locked --test engines

for kind in mariadb postgres redis redis-cluster mongodb; do answers "$kind"; done
until redis-cli -p "$redis_cluster" cluster info | grep -q cluster_state:ok; do sleep 0.1; done

# What asks no engine is not asked again, and takes its time.
apart=()
for module in pairing fuzz hostile parsers front bounds censor simulate drift; do apart+=(--skip "$module::"); done

on() { # what, then the environment
  echo "== the suite on $1"
  shift
  env "$@" cargo test --locked --test it -- "${apart[@]}"
}
on "MariaDB, Redis and MongoDB" TEST_DATABASE_URL="mysql://root@127.0.0.1:$mariadb/mysql" \
  TEST_REDIS_URL="redis://127.0.0.1:$redis" TEST_MONGODB_URL="mongodb://127.0.0.1:$mongodb/"
on "PostgreSQL, a Redis cluster and MongoDB" TEST_DATABASE_URL="postgres://root@127.0.0.1:$postgres/postgres" \
  TEST_REDIS_URL="redis+cluster://127.0.0.1:$redis_cluster" TEST_MONGODB_URL="mongodb://127.0.0.1:$mongodb/"
# What the first two have asked of every engine, and what takes long, is left out where only a part is another.
for module in access passwords seed replay reload traces socket origins links joins; do apart+=(--skip "$module::"); done
on "PostgreSQL alone" TEST_DATABASE_URL="postgres://root@127.0.0.1:$postgres/postgres"
on "MariaDB alone" TEST_DATABASE_URL="mysql://root@127.0.0.1:$mariadb/mysql"
on "SQLite with Redis and MongoDB" TEST_REDIS_URL="redis://127.0.0.1:$redis" TEST_MONGODB_URL="mongodb://127.0.0.1:$mongodb/"
