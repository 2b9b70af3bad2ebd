# Everything a person runs. Each target says what is missing and how to get it (scripts/need.sh).
SHELL := /bin/bash
.DEFAULT_GOAL := help
SUITE ?=
ARGS ?=

.PHONY: help serve web test lint unit conformance battery bench docs fmt clean

help: ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

serve: ## Build Maru and run it in ./maru-data, with bots to try (ARGS="--listen 0.0.0.0:8080" for more)
	@scripts/need.sh rust cc node
	@scripts/web.sh
	cargo build --release --locked --bin maru --bin lunch-vote
	@scripts/serve.sh $(ARGS)

web: ## Check, test and build the pages into web/dist; the next build of Maru takes them in
	@scripts/need.sh node
	@scripts/web.sh --always

test: ## Everything that must pass: formatting, lints, unit, property, contract and conformance suites
	@scripts/test.sh

lint: ## Formatting and clippy alone
	@scripts/need.sh rust cc
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

unit: ## The Rust suites alone
	@scripts/need.sh rust cc postgresql nats
	cargo run --locked -p maru-testkit --bin with-postgres -- cargo test --workspace --locked

conformance: ## Real clients and bots against a running Maru (SUITE=direct-line for one, SUITE=cluster for three nodes)
	@scripts/need.sh rust cc node python rails chromium postgresql nats
	@scripts/web.sh
	cargo build --locked --bin maru --bin lunch-vote
	conformance/setup.sh
	cd conformance && node run.mjs $(SUITE)

battery: ## The long reliability runs: kill -9 under an outside ledger, live chats, syncs before answers, faults around three nodes (ROUNDS=3)
	@scripts/need.sh rust cc strace node python chromium postgresql nats faketime
	cargo build --release --locked --bin maru --bin maru-ledger
	./target/release/maru-ledger strace
	./target/release/maru-ledger kill --cycles 200 $(ARGS)
	./target/release/maru-ledger chats kill
	./target/release/maru-ledger chats cut
	./target/release/maru-ledger chats clock
	./target/release/maru-ledger cluster --cycles 60
	conformance/setup.sh
	cd conformance && MARU_BIN=$(CURDIR)/target/release/maru node run.mjs cluster-battery

bench: ## Measurements beside a bare axum echo, as ratios of the same run
	@scripts/need.sh rust cc postgresql nats
	cargo build --release --locked --bin maru --bin maru-bench
	./target/release/maru-bench $(ARGS)
	cargo bench --locked -p maru-bench --bench scenario

docs: ## Write the generated pages anew (configuration reference, OpenAPI)
	@scripts/need.sh rust cc
	cargo run --locked --bin maru -- config doc > docs/configuration.md
	MARU_BLESS=1 cargo test --locked -p maru-chatflow-channel --test it reference

fmt: ## Format the Rust code
	cargo fmt --all

clean: ## Remove what was built
	cargo clean
	rm -rf web/node_modules web/dist/[!.]* conformance/node_modules conformance/.venv conformance/out deploy/check/.venv deploy/check/.tools
