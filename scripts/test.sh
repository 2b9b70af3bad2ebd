#!/usr/bin/env bash
# Runs every part of `make test`, prints what it ran and how long it took, and fails if any part
# failed. A part that cannot run fails; none is skipped.
set -uo pipefail
cd "$(dirname "$0")/.."

scripts/need.sh rust cc node python rails chromium strace postgresql nats || exit 1

built=${CARGO_TARGET_DIR:-target}/debug
maru=$(realpath -m "$built/maru")

parts=() results=()
failed=0
part() {
  local name=$1 started=$SECONDS
  shift
  printf '\n=== %s\n' "$name"
  if "$@"; then results+=("passed"); else results+=("FAILED"); failed=$((failed + 1)); fi
  parts+=("$(printf '%-44s %4d s' "$name" $((SECONDS - started)))")
}

# All at once, as the tests want it: built one by one, programs would compile most of what they use
# again, each with features of its own.
programs() { cargo build --locked --workspace --bins --tests; }
# One PostgreSQL for all of them: each test makes a database of its own in it.
rust_tests() {
  if command -v cargo-nextest >/dev/null; then
    "$built/with-postgres" cargo nextest run --workspace --locked && cargo test --workspace --locked --doc
  else
    "$built/with-postgres" cargo test --workspace --locked
  fi
}
deployment() { MARU_BIN="$maru" deploy/check/run.sh; }
conformance() { conformance/setup.sh && (cd conformance && MARU_BIN="$maru" node run.mjs); }

part "pages: types, tests, build, sizes" scripts/web.sh --always
part "formatting" cargo fmt --all --check
part "clippy, warnings denied" cargo clippy --workspace --all-targets --locked -- -D warnings
part "the programs, and the tests" programs
part "unit, property and contract suites" rust_tests
part "a sync before every answer (strace)" "$built/maru-ledger" strace --maru "$maru"
part "kill -9 under an outside ledger" "$built/maru-ledger" kill --maru "$maru" --cycles 50 --life-max-ms 1000
part "kill -9 in the middle of live chats" "$built/maru-ledger" chats kill --maru "$maru" --kills 2 --chats 40 --agents 20
part "one of three nodes, under the same ledger" "$built/maru-ledger" cluster --maru "$maru" --cycles 12 --life-max-ms 600
part "deployment: manifests, proxies, alerts" deployment
part "conformance: real clients and bots" conformance

printf '\n=== what ran, in %d s\n' "$SECONDS"
for i in "${!parts[@]}"; do printf '  %s  %s\n' "${parts[$i]}" "${results[$i]}"; done
printf '\nparts: %d passed, %d failed\n' $((${#parts[@]} - failed)) "$failed"
[ "$failed" = 0 ]
