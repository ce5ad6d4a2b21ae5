#!/usr/bin/env bash
# Brings what the tests need beyond Python: a browser, Node, PostgreSQL and Redis from Debian's packages, the clients
# from npm's; and starts PostgreSQL where none listens.
set -euo pipefail
cd "$(dirname "$0")"
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
postgresql() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1; }

missing=()
command -v chromium >/dev/null || missing+=(chromium fonts-dejavu-core)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
command -v redis-server >/dev/null || missing+=(redis-server)
[ -n "$(postgresql)" ] || missing+=(postgresql)
if [ ${#missing[@]} -gt 0 ]; then
  $as_root apt-get update -qq
  $as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
for folder in clients ../clients/web; do
  if [ $folder/package-lock.json -nt $folder/node_modules/.package-lock.json ]; then
    (cd $folder && npm ci --silent)
  fi
done
# The tests' own, for trust on this machine alone; TEST_POSTGRESQL_URL names another.
if [ -z "${TEST_POSTGRESQL_URL:-}" ] && ! (exec 3<>/dev/tcp/127.0.0.1/5432) 2>/dev/null; then
  data="$(mktemp -d)"
  run() { if [ "$(id -u)" = 0 ]; then chown postgres "$data" && setpriv --reuid postgres --clear-groups "$@"; else "$@"; fi; }
  run "$(postgresql)/initdb" -D "$data/data" -U postgres -A trust --no-sync >/dev/null
  run "$(postgresql)/pg_ctl" -D "$data/data" -l "$data/log" -w -o "-c listen_addresses=127.0.0.1 -k ''" start >/dev/null
fi
