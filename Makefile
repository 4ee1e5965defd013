.PHONY: audit bench run test test-engines test-console check build console screenshots schema up down logs seed help

run: console ## start the server on http://127.0.0.1:8080, with nothing else needed
	cargo run --release --locked -- serve

test: ## run every test; those of the console in a browser where npm and Chromium are, or can be installed
	cargo test --workspace --locked
	tests/console/run.sh --where-possible target/debug/rankedhonor

test-engines: ## run the tests against MariaDB, PostgreSQL, Redis and MongoDB, which it installs and starts
	tests/engines/run.sh

test-console: ## use the console in real browsers, and fail where that can't be done
	cargo build --locked
	tests/console/run.sh target/debug/rankedhonor

check: ## formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --test engines --locked -- -D warnings

audit: ## look the dependencies' known flaws up, for which one needs a network (and cargo-deny, and npm)
	cargo deny --locked check advisories
	for at in web examples/duel tests/clients tests/console; do (cd $$at && npm audit --audit-level=high) || exit 1; done

build: console ## build the binary: target/release/rankedhonor
	cargo build --release --locked

console: ## build the console into web/dist, where npm is installed; without it the server starts all the same
	@scripts/build-console.sh --where-possible

screenshots: ## take the pictures of docs/console.md anew
	cargo build --locked
	CHECKS=screenshots tests/console/run.sh target/debug/rankedhonor

bench: ## measure waves, the ladder beside Redis, results a second beside one transaction each, and fan-out beside a plain broadcast
	cargo bench --locked --bench pairing
	cargo bench --locked --bench ladder
	cargo bench --locked --bench results -- 6000 1000
	cargo bench --locked --bench fanout

schema: ## write schema.graphql anew from the code
	cargo run --quiet --locked -- schema > schema.graphql

up: ## start two instances with MariaDB, MongoDB, Redis, Prometheus, Grafana and Jaeger, in containers
	docker compose up --build --detach --wait

down: ## stop them, and keep their data
	docker compose down

logs: ## show what they say
	docker compose logs --follow

seed: ## fill what 'make up' started with players and matches
	docker compose exec one rankedhonor seed

help: ## list these
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/'
