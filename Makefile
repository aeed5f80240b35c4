# What one types in this repository. Needs Debian (or what is like it) with Rust; the rest is installed when missing.

DATA ?= data

.PHONY: help run test bench fuzz soak lint tidy dist

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The demonstration fills an empty database and refuses a filled one, so only the first start asks for it.
run: ## build and start the server; the first time with a believable organization in it (DATA=directory)
	@tests/need.sh build-essential
	cargo build --release --package server --bin vinyasa
	cargo run --release --quiet --package server --bin vinyasa -- serve --data '$(DATA)' $$([ -e '$(DATA)' ] || echo --demo)

test: ## everything that must hold before a change is passed on: Rust tests on both databases, real clients
	@tests/run.sh

# What it takes beside: BENCH='--only core,read' and the like; cargo run --release -p bench -- --help.
bench: ## measure under load, also with a million tasks; fails when a ratio fell below benches/figures.tsv
	@tests/need.sh build-essential postgresql
	cargo build --release --package server --bin vinyasa
	cargo build --release --package bench
	tests/postgres.sh run sh -c 'cargo run --release --quiet --package bench -- --large --server "$$TEST_POSTGRES_URL" $(BENCH)'

fuzz: ## ten million inputs for each of what reads first (RUNS, SECONDS_EACH, TARGETS)
	@tests/need.sh build-essential
	@fuzz/run.sh $(TARGETS)

soak: ## what takes hours: kills under load, random worlds, the fuzzers (KILL_ROUNDS, ORACLE_SEEDS, RUNS)
	@tests/soak.sh

lint: ## format, clippy, tidy, licences and sources of what we depend on
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- --deny warnings
	cargo xtask tidy
	@cargo deny --version >/dev/null || { echo 'type: cargo install --locked cargo-deny' >&2; exit 1; }
	cargo deny --offline --log-level error check bans licenses sources

tidy: ## only the repository's own checks (cargo xtask tidy)
	cargo xtask tidy

dist: ## what is given to others: a static binary, a Debian package, checksums; tried in an empty root (dist/)
	@tests/need.sh build-essential
	@packaging/dist.sh
