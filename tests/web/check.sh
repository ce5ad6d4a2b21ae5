#!/usr/bin/env bash
# The schema in the hands of front ends' tools: graphql-eslint, GraphQL Code Generator with strict TypeScript, Relay's
# compiler, urql's graphcache and Apollo Client. Needs Node; brings the tools from npm.
set -euo pipefail
cd "$(dirname "$0")"
command -v npm >/dev/null || { echo "Node is missing: tests/install.sh brings it." >&2; exit 1; }
if [ package-lock.json -nt node_modules/.package-lock.json ]; then npm ci --silent; fi
tools="$PWD/node_modules/.bin"
(cd ../.. && "$tools/eslint" --config tests/web/eslint.config.js schema/schema.graphql graphiql/examples tests/web/documents)
node write.mjs
"$tools/graphql-codegen" --silent
"$tools/tsc"
cp relay/*.ts build/relay/
"$tools/relay-compiler"
node caches.mjs
