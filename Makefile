# `make help` lists the targets.

# Everything is found where it is built, also for a user whose target folder is elsewhere.
export CARGO_TARGET_DIR := $(CURDIR)/target
WASM := target/wasm32-unknown-unknown/page/hrm-web.wasm

.DEFAULT_GOAL := help
.NOTPARALLEL:
# A page over its size budget is not a page: the next make tries again.
.DELETE_ON_ERROR:
.PHONY: help run test check web program e2e screenshots bench-page chaos bench bench-torch s3 contract load bench-cost cuda cuda-check gpu-check gpu-emulate sqlx setup FORCE

help: ## Say what each target does
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 14

run: setup program web ## Set up, build and serve HRM Lab on http://127.0.0.1:8080 (HRM_BIND, HRM_DATA_DIR, DATABASE_URL)
	@exec target/release/hrm serve

# In groups, because cargo compiles a dependency anew for every set of features that a group of packages asks of it: the
# first group asks for nothing that the program was not built with.
test: program web ## Set up what the tests need and run them all
	cargo test --release --package hrm-types --package hrm-model --package hrm-api
	cargo test --release --package it
	cargo test --release --package hrm-web --package hrm-bundle

check: ## Check formatting, lints, documentation, the wire types on wasm and the house rules
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps
	cargo check --release --package hrm-types --target wasm32-unknown-unknown
	cargo test --release --package it house

web: web/dist/index.html ## Build the page into web/dist

program: setup ## Build the program target/release/hrm
	cargo build --release --package hrm-api --bin hrm

e2e: program web ## Run the browser tests alone
	cargo test --release --package it browser

screenshots: program web ## Write docs/screenshots anew, every page in both themes and on a phone, or those that HRM_PICTURES names (needs ImageMagick)
	cargo test --release --package it browser::screens -- --ignored

bench-page: program web ## Time the first load, 1,000 runs and 50,000 points in the browser
	cargo test --release --package it browser::speed -- --ignored --nocapture --test-threads=1

# The second group as in `test`, so that nothing is compiled for it alone.
chaos: program ## Kill, freeze and crowd workers, take database and disk away, damage files; print what was lost (HRM_CHAOS_SEED, HRM_CHAOS_KILLS)
	cargo test --release --package it -- workers:: crash:: \
		--include-ignored --skip bucket --nocapture --test-threads=1
	cargo test --release --package hrm-types --package hrm-model --package hrm-api --lib -- \
		train::state store::tests::order store::tests::garbage store::tests::train_states backup:: intake:: \
		--include-ignored --nocapture --test-threads=1

s3: ## Build with the feature s3 and keep chunks in a bucket of a test server, which may be away, wrong or damaged
	tests/s3.sh

contract: program ## Ask a server everything its OpenAPI document allows, with schemathesis and a generated client (CONTRACT_EXAMPLES, CONTRACT_SEED)
	tests/contract.sh

load: program ## Measure long lists, long curves, puzzles at ten times the capacity and half-open connections (LOAD_SECONDS)
	tests/load.sh

cuda: ## Build target/cuda/target/release/hrm for NVIDIA's GPUs; needs none, and brings its own toolkit (or CUDA_HOME)
	@eval "$$(model/cuda/toolkit.sh)" && cargo build --release --package hrm-api --bin hrm --features nccl

cuda-check: ## Check the lints of what is built for NVIDIA's GPUs, as `make check` does those of the rest; needs none
	@eval "$$(model/cuda/toolkit.sh)" && cargo clippy --release --package hrm-model --all-targets --features nccl -- -D warnings && \
		cargo clippy --release --package hrm-api --bin hrm --features nccl -- -D warnings

gpu-check: ## Check every kernel and whole trainings on this machine's GPU, and print how fast they are
	@model/cuda/check.sh

gpu-emulate: ## Run the same checks on an emulated GPU, where there is none
	@model/cuda/emulate.sh

bench: program ## Time every kernel, one puzzle's ACT steps and training steps
	cargo bench --package hrm-types --package hrm-model --package hrm-api --bench kernels
	target/release/hrm bench solve
	target/release/hrm bench train

bench-torch: program ## Time a plain PyTorch HRM and hrm bench in turn and print the ratios (BENCH_ARGUMENTS, see tests/reference/bench.py)
	test -x target/bench-torch/bin/python || python3 -m venv target/bench-torch
	target/bench-torch/bin/python -c 'import torch, safetensors' 2>/dev/null || target/bench-torch/bin/pip install torch numpy safetensors
	target/bench-torch/bin/python tests/reference/bench.py $(BENCH_ARGUMENTS)

bench-cost: program ## Print seconds per training step over tokens and sequences (COST_TOKENS, COST_BATCHES)
	tests/cost.sh

sqlx: ## Check every query against a fresh PostgreSQL and rewrite .sqlx
	migrations/prepare.sh

setup: ## Install what building and running need, or say what to install
	@tests/setup.sh run

test e2e screenshots bench-page: setup-test
.PHONY: setup-test
setup-test:
	@tests/setup.sh test

# Cargo knows whether the page must be compiled again, and touches the file only then.
$(WASM): setup FORCE
	cargo build --profile page --target wasm32-unknown-unknown --package hrm-web

web/dist/index.html: $(WASM) $(shell find web/assets web/style web/bundle -type f)
	cargo run --release --package hrm-bundle
	@touch $@
