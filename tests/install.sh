#!/usr/bin/env bash
# Installs what the tests need beyond Python, from Debian's packages: a browser.
set -euo pipefail
missing=()
command -v chromium >/dev/null || missing+=(chromium)
if [ ${#missing[@]} -gt 0 ]; then
  as_root=""
  [ "$(id -u)" = 0 ] || as_root=sudo
  $as_root apt-get update -qq
  $as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" fonts-dejavu-core
fi
