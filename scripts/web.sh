#!/usr/bin/env bash
# Checks, tests and builds the pages into web/dist, which the next build of Maru takes in. Does nothing if what is there was built
# from the same sources; with --always it does everything again.
set -euo pipefail
cd "$(dirname "$0")/../web"

# A stamp holds what something was made of, and with what.
stamp() { { cat "$@"; node --version; } | cksum; }
sources() { find . \( -name node_modules -o -path ./dist \) -prune -o -type f -print0 | sort -z | xargs -0 cksum; }

packages=$(stamp package-lock.json)
if [ "$(cat node_modules/.stamp 2>/dev/null)" != "$packages" ]; then
  npm ci --ignore-scripts --no-audit --no-fund
  echo "$packages" >node_modules/.stamp
fi

built=$(stamp <(sources))
if [ "${1:-}" != --always ] && [ -f dist/nxWebApi.js ] && [ "$(cat node_modules/.built 2>/dev/null)" = "$built" ]; then
  echo 'the pages are built'
  exit 0
fi
rm -f node_modules/.built
for step in check test build sizes; do
  printf -- '--- pages: %s\n' "$step"
  npm run --silent "$step"
done
echo "$built" >node_modules/.built
