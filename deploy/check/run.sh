#!/usr/bin/env bash
# Checks everything in deploy/: run.sh [TEST…], such as `run.sh check_proxies`. Installs what that needs
# into this folder. MARU_BIN names the server; without it the newest build is taken.
set -euo pipefail
cd "$(dirname "$0")"

say() { printf 'deploy: %s\n' "$*" >&2; }

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { say "Python 3.11 or newer is needed"; exit 1; }
# A stamp holds what was installed, and with what.
stamp=$({ cat requirements.txt && python3 --version; } | cksum)
if [ "$(cat .venv/.stamp 2>/dev/null)" != "$stamp" ]; then
  rm -rf .venv
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
  echo "$stamp" >.venv/.stamp
fi

# A program that is not here is taken out of Debian's package without installing that: these are
# services, which would be started, and nobody needs to be root for it.
tool() {
  local program=$1 package=$2
  PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null && return
  [ -n "$(find .tools -type f -name "$program" -print -quit 2>/dev/null)" ] && return
  command -v apt-get >/dev/null || { say "$program is missing (Debian's package $package)"; exit 1; }
  say "unpacking $package for $program"
  mkdir -p .tools/packages
  (cd .tools/packages && apt-get download --quiet=2 "$package") ||
    { say "apt-get cannot load $package: try apt-get update, or install it"; exit 1; }
  dpkg-deb --extract ".tools/packages/$package"_*.deb .tools
}
tool nginx nginx
tool caddy caddy
tool promtool prometheus
tool nats-server nats-server
tool systemd-analyze systemd
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || { say "PostgreSQL is missing: apt-get install postgresql"; exit 1; }
command -v openssl >/dev/null || { say "openssl is missing: apt-get install openssl"; exit 1; }

if [ -z "${MARU_BIN:-}" ]; then
  MARU_BIN=$(find ../../target/debug/maru ../../target/release/maru -maxdepth 0 -printf '%T@ %p\n' 2>/dev/null | sort -rn | head -n 1 | cut -d' ' -f2)
  [ -n "$MARU_BIN" ] || { say "there is no maru: cargo build --bin maru, or name one with MARU_BIN"; exit 1; }
fi
MARU_BIN=$(realpath "$MARU_BIN")
export MARU_BIN

if [ $# -gt 0 ]; then
  exec .venv/bin/python -m unittest "$@"
fi
exec .venv/bin/python -m unittest discover --pattern 'check_*.py'
