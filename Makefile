# Everything a developer does, by name. `make help` lists it; the work itself is done by cargo and the scripts in deploy/.

SHELL := bash
.DEFAULT_GOAL := help
# Where rustup puts cargo, for a shell that was opened before it was installed.
export PATH := $(PATH):$(HOME)/.cargo/bin
target := $(or $(CARGO_TARGET_DIR),target)
# Runs a command with DATABASE_URL, AMQP_URL and the rest of .dev/services.env in its environment.
with_services := deploy/services with
# With CLIPPY_BUILDS=1 clippy's compiler, which is rustc with more lints, builds what is tested: linted and built in one pass, where
# `cargo clippy` reads all dependencies and the whole project once more. For CI, which does both from nothing. The flags must be the same in
# every call, or Cargo builds anew.
ifdef CLIPPY_BUILDS
export RUSTC_WORKSPACE_WRAPPER := clippy-driver
export RUSTFLAGS := -Dwarnings
lint := cargo build --workspace --all-targets
else
lint := cargo clippy --workspace --all-targets -- -D warnings
endif
# A version of PostgreSQL other than the distribution's, 14 to 18, for whatever needs services.
export POSTGRES

.PHONY: help demo run services services-stop test test-all screenshots torture fuzz mutants check dist check-dist deb bench schema migrate fmt clean toolchain

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: toolchain services ## the main job end to end, with a summary; ORDERS=file.csv loads another file, YEAR=1 makes a year of its day, JUDGED=1000 has so many documents judged; make run shows its company then
	cargo build --release --bin api --bin relay --bin demo
	@$(with_services) $(target)/release/demo $(if $(ORDERS),--orders '$(ORDERS)') $(if $(YEAR),--year) $(if $(JUDGED),--judged $(JUDGED))

run: toolchain services ## api and relay in the foreground until Ctrl-C, with first log-ins; the company of make demo, unless DEMO=no
	cargo build --release --bin api --bin relay
	@$(with_services) deploy/run $(target)/release

services: ## private PostgreSQL and RabbitMQ under .dev/; POSTGRES=18 starts that version beside the other
	@deploy/services start

services-stop: ## end those servers; their data stays
	@deploy/services stop

test: toolchain services ## every test, to the end, and what failed; POSTGRES=14…18 on that version, otherwise some on 18 as well
	@deploy/test

test-all: toolchain services ## test, and what is slow or rare; POSTGRES=14…18 runs all of it on that version
	@deploy/test 'torture SECONDS=$(or $(SECONDS),300) SEED=$(or $(SEED),11)' fuzz check-dist

screenshots: toolchain services ## the pictures of docs/console.md, in docs/screenshots
	cargo build --workspace --bins --tests
	@COMPTOIR_SCREENSHOTS='$(CURDIR)/docs/screenshots' $(with_services) cargo test --workspace --test browser photographed -- --include-ignored

torture: toolchain services ## every fault at random, under load; SECONDS=60 SEED=… (a seed that was printed)
	cargo build --release --bin api --bin relay --bin torture
	@$(with_services) $(target)/release/torture --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED))

fuzz: toolchain services ## generated requests to the API, as each role (schemathesis); EXAMPLES=25 of each kind
	cargo build --release --bin api
	@EXAMPLES=$(or $(EXAMPLES),25) $(with_services) --only postgres deploy/fuzz-api $(target)/release

mutants: toolchain ## changes of the code that no unit test notices; FILES="core/src/commerce/orders/totals.rs …"
	@deploy/mutants $(FILES)

check: toolchain ## format, lints, scripts, systemd units, dependencies and their arrows, schema in step with the migrations
	cargo fmt --all --check
	$(lint)
	@$(MAKE) --no-print-directory --jobs=2 --output-sync --keep-going $(checks)

# Two at a time: most of them wait for one program, and that of the schema builds one. The longest first. Cargo must not take make's two
# jobs for its own.
checks := .check-schema .check-descriptions .check-dependencies .check-arrows .check-systemd .check-scripts
.PHONY: $(checks)
.check-schema:
	@unset MAKEFLAGS; $(with_services) --only postgres deploy/check-schema
$(filter-out .check-schema,$(checks)):
	@unset MAKEFLAGS; deploy/$(@:.%=%)

dist: toolchain ## the programs for other machines: target/dist/comptoir-VERSION-linux-ARCH.tar.gz
	cargo build --release --bin api --bin relay
	@deploy/dist archive $(target)/release

check-dist: toolchain ## the archive and the packages, unpacked and tried
	cargo build --release --bin api --bin relay
	@deploy/check-dist $(target)/release

deb: toolchain ## Debian packages of both programs, in target/dist
	cargo build --release --bin api --bin relay
	@deploy/dist deb $(target)/release

bench: toolchain services ## the benchmarks, as ratios to a floor measured in the same run; ARGS="--only latency --quick"
	cargo build --release --bin api --bin relay --bin bench
	@$(with_services) $(target)/release/bench $(ARGS)

schema: toolchain ## write core/src/platform/schema.rs from the migrations
	@$(with_services) --only postgres deploy/check-schema --write

migrate: toolchain services ## bring the database of `make services` up to date
	cargo build --release --bin relay
	@$(with_services) $(target)/release/relay migrate

fmt: toolchain ## format the code
	cargo fmt --all

clean: ## remove what was built; servers and their data stay
	cargo clean

toolchain:
	@deploy/check-toolchain
