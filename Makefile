# The two commands that matter are `make run` and `make test`; `make help` lists the rest.
PY ?= python3
BIN := .venv/bin
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

.PHONY: help run test check check-style check-types check-imports check-sql check-dbt ui bench cin-validator clean lock

help:  ## Show what can be made.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

.venv/.ready: requirements.lock pyproject.toml
	@echo "Setting up .venv (a few hundred megabytes the first time) ..."
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PY=python3.11 run")'
	@$(PY) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --no-deps -e .
	@touch $@

run: .venv/.ready  ## Demo partnership, one nightly and one weekly run, and where to look.
	@$(BIN)/hub demo run

test: .venv/.ready  ## All tests (about 20 minutes on 2 cores).
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: .venv/.ready  ## Style, types, imports, SQL, dbt (under a minute).
	@$(MAKE) --no-print-directory --jobs 2 --output-sync check-types check-sql check-style check-imports check-dbt

check-style:
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .

check-types:
	$(BIN)/mypy

check-imports:
	$(BIN)/lint-imports --no-logo

check-sql:
	$(BIN)/sqlfluff lint --disable-progress-bar --processes 1 dbt_project/models dbt_project/macros dbt_project/tests partnerships

check-dbt:
	$(BIN)/hub dbt parse

ui: .venv/.ready  ## The Dagster UI on http://127.0.0.1:3000 (loopback only).
	@$(BIN)/hub ui

bench: .venv/.ready  ## What it costs: 20,000 and 60,000 children, as JSON and a table.
	@$(BIN)/python -m benchmarks.whole_path --children 20000 60000

lock: .venv/.ready  ## Pin again after a change of dependencies (no address enters the file).
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --group dev pyproject.toml -c constraints.txt -o requirements.lock

var/cin-validator/.ready: tests/cin_validator/requirements.txt .venv/.ready
	@$(BIN)/uv venv --quiet --allow-existing var/cin-validator
	@$(BIN)/uv pip sync --quiet --require-hashes --python var/cin-validator/bin/python tests/cin_validator/requirements.txt
	@touch $@

cin-validator: var/cin-validator/.ready  ## The census return against the published validator, in its own environment.
	@HUB_CIN_VALIDATOR_PYTHON=$(CURDIR)/var/cin-validator/bin/python $(BIN)/python -m pytest tests/contracts/test_cin_validator.py

clean:  ## Remove state, demo drops and caches; keys stay.
	rm -rf var drops .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
