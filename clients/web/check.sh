#!/usr/bin/env bash
# The reference client against the schema as it is: its documents, its types, its package's tests. Needs Node.
set -euo pipefail
cd "$(dirname "$0")"
command -v npm >/dev/null || { echo "Node is missing: tests/install.sh brings it." >&2; exit 1; }
if [ package-lock.json -nt node_modules/.package-lock.json ]; then npm ci --silent; fi
npm run --silent check
npm test --silent
