#!/bin/sh
# Installs what the suites need, in this folder only: the packages of package-lock.json, and a Python environment with
# those of requirements.txt. Does nothing if that was done before. Says what is missing on the machine, all at once.
set -eu
cd "$(dirname "$0")"

missing=
need() { missing="$missing
  $1"; }

if ! command -v node >/dev/null; then
  need "Node.js 20.19 or newer: https://nodejs.org, or your system's package nodejs"
elif ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  need "Node.js 20.19 or newer; this is $(node --version): https://nodejs.org"
fi
command -v npm >/dev/null || need "npm: it comes with Node.js; on Debian it is a package of its own: apt-get install npm"
if ! command -v python3 >/dev/null; then
  need "Python 3.10 or newer: apt-get install python3 python3-venv"
elif ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  need "Python 3.10 or newer with venv: apt-get install python3-venv"
fi
if [ -n "${CHROMIUM:-}" ]; then
  [ -x "$CHROMIUM" ] || need "a browser: CHROMIUM is $CHROMIUM, which is no program"
elif ! { [ -x /usr/bin/chromium ] || [ -x /usr/bin/chromium-browser ] || [ -x /usr/bin/google-chrome ]; }; then
  need "Chromium: apt-get install chromium, or name one with CHROMIUM=/path/to/it"
fi
[ -x /usr/bin/puma ] && ruby -e 'require "rails"' 2>/dev/null || need "Rails: apt-get install ruby-railties puma"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || need "PostgreSQL: apt-get install postgresql"
[ -x /usr/sbin/nats-server ] || command -v nats-server >/dev/null || need "NATS: apt-get install nats-server"
if [ -n "$missing" ]; then
  echo "The conformance suites need:$missing" >&2
  exit 1
fi

# A stamp holds what was installed, and with what.
stamp() { { cat "$@"; node --version; python3 --version; } | cksum; }
fresh() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

packages=$(stamp package-lock.json)
if ! fresh node_modules/.stamp "$packages"; then
  npm ci --ignore-scripts --no-audit --no-fund
  echo "$packages" >node_modules/.stamp
fi

python=$(stamp requirements.txt constraints.txt)
if ! fresh .venv/.stamp "$python"; then
  rm -rf .venv
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt --constraint constraints.txt
  echo "$python" >.venv/.stamp
fi
