# Two commands: `make demo` and `make test`. Everything they need they install themselves, into .venv.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
# Tests wait now and then: one worker more than there are processors.
JOBS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)
# A file is run by one worker from top to bottom: what its tests share is made once.
SPREAD := --dist loadfile --no-loadscope-reorder
SIZE ?= small

.PHONY: help demo demo-stop test test-quick soak lint bench screenshots wheel lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## build the fraud project, deploy it, open its pages (DETACH=1: leave it running, SIZE=full, BY_HAND=1)
	@sh scripts/setup.sh run
	@$(BIN)/scoreline demo --folder .demo/$(SIZE) --size $(SIZE) $(if $(DETACH),--detach) $(if $(BY_HAND),--by-hand)

demo-stop: ## end a demo that was left running
	@$(BIN)/scoreline demo --folder .demo/$(SIZE) --stop

test: lint ## lint, types, layers, tests of every kind
	@sh scripts/clients.sh
	@$(BIN)/pytest -n $(JOBS) $(SPREAD)

test-quick: ## the tests without the slow ones
	@sh scripts/setup.sh dev
	@$(BIN)/pytest -n $(JOBS) $(SPREAD) -m "not slow and not soak"

soak: ## the long repetitions, whole
	@sh scripts/setup.sh dev
	@sh scripts/clients.sh
	@$(BIN)/pytest -n $(JOBS) $(SPREAD) -m "slow or soak" --soak --timeout 7200

lint: ## format, lint, types, layers, dependencies
	@sh scripts/setup.sh dev
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@$(BIN)/deptry src

bench: ## side by side with nginx and peers; writes bench/results.md
	@sh scripts/setup.sh bench
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.swaps
	@$(BIN)/python -m bench.replacement
	@$(BIN)/python -m bench.large_catalog
	@$(BIN)/python -m bench.pages

screenshots: ## pictures of every page, light, dark and on a phone, in build/screenshots
	@sh scripts/setup.sh dev
	@sh scripts/clients.sh
	@PYTHONPATH=. $(BIN)/python scripts/screenshots.py

wheel: ## a wheel with the pages in it, in build/dist
	@sh scripts/setup.sh run
	@$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir build/dist

lock: ## write the hashed requirement files anew
	@sh scripts/lock.sh

clean: ## remove what the commands above made
	rm -rf .venv .demo build src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src -name '*.so' -delete
