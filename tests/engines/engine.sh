#!/usr/bin/env bash
# Runs one private engine in the foreground, on 127.0.0.1, with its data in a directory of its own:
#   tests/engines/engine.sh mariadb|postgres|redis|redis-cluster|mongodb DIRECTORY PORT
# Its data is not synced to the disk: what the tests cut off is never the power.
set -euo pipefail
kind=$1 dir=$2 port=$3
tools=$(cd "$(dirname "$0")/../.." && pwd)/target/tools
mkdir -p "$dir"

# PostgreSQL refuses to run as root.
unprivileged() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
  else
    "$@"
  fi
}

case $kind in
mariadb)
  server=$(command -v mariadbd || command -v mysqld || echo /usr/sbin/mariadbd)
  me=$(id -un)
  mkdir -p "$dir.tmp"
  if [ ! -d "$dir/mysql" ]; then
    mariadb-install-db --no-defaults --auth-root-authentication-method=normal --user="$me" \
      --datadir="$dir" --tmpdir="$dir.tmp" --skip-test-db >"$dir.log" 2>&1
  fi
  exec "$server" --no-defaults --user="$me" --datadir="$dir" --tmpdir="$dir.tmp" --socket="$dir/mysqld.sock" --pid-file="$dir/pid" \
    --bind-address=127.0.0.1 --port="$port" --max-connections=2000 --innodb-flush-log-at-trx-commit=2 \
    --sync-binlog=0 --innodb-buffer-pool-size=256M --character-set-server=latin1 >>"$dir.log" 2>&1
  ;;
postgres)
  bin=$(dirname "$(command -v postgres || ls -d /usr/lib/postgresql/*/bin/postgres | sort -V | tail -1)")
  if [ ! -f "$dir/PG_VERSION" ]; then
    [ "$(id -u)" != 0 ] || chown postgres "$dir"
    # A locale whose order is not that of the bytes, where there is one: the schema must not depend on it.
    locale=$(locale -a | grep -iE '^en_US\.utf-?8$' | head -1 || true)
    unprivileged "$bin/initdb" -D "$dir" -U root --auth=trust -E UTF8 --locale="${locale:-C.UTF-8}" --no-sync >"$dir.log" 2>&1
  fi
  [ "$(id -u)" != 0 ] || touch "$dir.log"
  command=("$bin/postgres" -D "$dir" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c max_connections=500 -c fsync=off -c full_page_writes=off)
  if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "${command[@]}" >>"$dir.log" 2>&1
  fi
  exec "${command[@]}" >>"$dir.log" 2>&1
  ;;
redis)
  server=$(command -v redis-server || command -v valkey-server)
  exec "$server" --bind 127.0.0.1 --port "$port" --save "" --appendonly no --dir "$dir" >>"$dir.log" 2>&1
  ;;
redis-cluster)
  # One node that holds every slot: it speaks the cluster's protocol and refuses what crosses slots.
  server=$(command -v redis-server || command -v valkey-server)
  (
    until redis-cli -p "$port" ping >/dev/null 2>&1; do sleep 0.05; done
    redis-cli -p "$port" cluster addslotsrange 0 16383 >/dev/null
  ) &
  exec "$server" --bind 127.0.0.1 --port "$port" --save "" --appendonly no --dir "$dir" --cluster-enabled yes \
    --cluster-announce-ip 127.0.0.1 >>"$dir.log" 2>&1
  ;;
mongodb)
  if command -v mongod >/dev/null; then
    exec mongod --bind_ip 127.0.0.1 --port "$port" --dbpath "$dir" >>"$dir.log" 2>&1
  fi
  # Where nobody kills it, it need not have everything on disk.
  [ -n "${NEVER_KILLED:-}" ] || sync=--sync-on-commit
  exec "$tools/secantus/bin/secantusd-py" --host 127.0.0.1 --port "$port" --storage-path "$dir" --standalone \
    ${sync:-} >>"$dir.log" 2>&1
  ;;
*)
  echo "there is no engine $kind" >&2
  exit 2
  ;;
esac
