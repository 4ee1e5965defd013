.PHONY: run test check build schema help

run: ## start the server on http://127.0.0.1:8080, with nothing else needed
	cargo run --release --locked -- serve

test: ## run every test
	cargo test --workspace --locked

check: ## formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

build: ## build the binary: target/release/rankedhonor
	cargo build --release --locked

schema: ## write schema.graphql anew from the code
	cargo run --quiet --locked -- schema > schema.graphql

help: ## list these
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/'
