#!/usr/bin/env bash
# Makes sure that what a target needs is there: installs it where that is a matter of one
# apt-get (as root on Debian), else says exactly what to run. Usage: need.sh THING...
set -euo pipefail

say() { printf 'maru: %s\n' "$*" >&2; }

# Installs Debian packages, or says how to.
debian() {
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing $*"
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 ||
      { apt-get update >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >/dev/null; }
  else
    say "missing. Run: sudo apt-get install $*"
    exit 1
  fi
}

version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

for thing in "$@"; do
  case $thing in
    rust)
      command -v cargo >/dev/null || { say "Rust is missing. Get it with rustup (see https://rustup.rs); rust-toolchain.toml names the version."; exit 1; }
      ;;
    cc)
      command -v cc >/dev/null || debian build-essential
      ;;
    node)
      command -v node >/dev/null || { say "Node.js 20.19 or newer is missing. On Debian: sudo apt-get install nodejs npm (or from nodejs.org)."; exit 1; }
      version=$(node --version); version=${version#v}
      version_at_least "$version" 20.19.0 || { say "Node.js $version is too old; 20.19 or newer is needed."; exit 1; }
      command -v npm >/dev/null || debian npm
      ;;
    python)
      command -v python3 >/dev/null || debian python3
      # A virtual environment needs ensurepip, which Debian packs apart.
      python3 -c 'import ensurepip, venv' 2>/dev/null || debian python3-venv
      ;;
    chromium)
      [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null || debian chromium
      ;;
    rails)
      # A gem would be newer; Debian's is what the example is tested with.
      { [ -x /usr/bin/puma ] && ruby -e 'require "rails"' 2>/dev/null; } || debian ruby-railties puma
      ;;
    strace)
      command -v strace >/dev/null || debian strace
      ;;
    faketime)
      compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || debian faketime
      ;;
    postgresql)
      # Its programs are in no PATH. The tests start servers of their own.
      compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || debian postgresql
      ;;
    nats)
      command -v nats-server >/dev/null || [ -x /usr/sbin/nats-server ] || debian nats-server
      ;;
    *)
      say "need.sh does not know '$thing'"
      exit 2
      ;;
  esac
done
