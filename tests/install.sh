#!/usr/bin/env bash
# Installs what the tests need beyond Python: a browser and Node from Debian's packages, the clients from npm's.
set -euo pipefail
cd "$(dirname "$0")"
missing=()
command -v chromium >/dev/null || missing+=(chromium fonts-dejavu-core)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
if [ ${#missing[@]} -gt 0 ]; then
  as_root=""
  [ "$(id -u)" = 0 ] || as_root=sudo
  $as_root apt-get update -qq
  $as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
if [ clients/package-lock.json -nt clients/node_modules/.package-lock.json ]; then
  (cd clients && npm ci --silent)
fi
