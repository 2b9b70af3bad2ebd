#!/usr/bin/env bash
# `make serve`: Maru in the foreground, and behind it the lunch vote of examples/lunch-vote, on a free port and with its file
# in the data folder. Its bot and its channel are records like any other, made by `maru apply`. DEMO=0, or a maru.toml of
# your own, leaves it out. Arguments go to `maru serve`.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$(dirname "${MARU_BIN:-${CARGO_TARGET_DIR:-target}/release/maru}")
if [ "${DEMO:-1}" = 0 ] || [ -e maru.toml ] || [ -n "${MARU_CONFIG:-}" ]; then
  exec "$bin/maru" serve "$@"
fi

work=$(mktemp -d)
lunch='' maru=''
finish() {
  for child in $lunch $maru; do kill "$child" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
# Ctrl-C reaches Maru by itself. Who is told twice to stop does so at once, and cuts open turns.
trap ':' INT
trap '[ -z "$maru" ] || kill -TERM "$maru"' TERM HUP

# Waits for a line of a file, or gives up when the process that is to write it has ended.
awaited() {
  while ! [ -s "$1" ]; do
    kill -0 "$2" 2>/dev/null || return 1
    sleep 0.1
  done
}

# Begins the lunch vote once Maru serves, makes it known, and tells how to talk to it.
demo() {
  awaited "$work/ready.json" "$maru" || return 0
  data=$(sed -n 's/.*"admin_socket":"\([^"]*\)\/admin.sock".*/\1/p' "$work/ready.json")
  PORT=0 LUNCH_DB="$data/lunch-vote.db" "$bin/lunch-vote" >"$work/lunch" 2>"$work/lunch.log" &
  lunch=$!
  awaited "$work/lunch" "$lunch" || { cat "$work/lunch.log" >&2; return 0; }
  cat >"$work/lunch.toml" <<TOML
[[bot]]
name = "lunch"
kind = "plus-friend"
set = { url = "$(sed 's/^listening on //' "$work/lunch")" }

[[channel]]
name = "web-lunch"
kind = "direct-line"
bot = "lunch"
TOML
  "$bin/maru" apply --data "$data" -f "$work/lunch.toml" >"$work/applied" || return 0
  cat <<TEXT
A Plus Friend partner server answers too: a lunch vote. Two people of one group vote together:

  $bin/maru chat --channel web-lunch --user ara      # #그룹 만들기 tells a code
  $bin/maru chat --channel web-lunch --user bom      # who types it is in the group

TEXT
}

"$bin/maru" serve --ready-file "$work/ready.json" "$@" &
maru=$!
demo || true
while :; do
  status=0
  wait "$maru" || status=$?
  # A signal ends the waiting, and not Maru.
  kill -0 "$maru" 2>/dev/null || exit "$status"
done
