# Everything a newcomer needs. `make` alone prints this list; nothing but Python 3.11+ and make is required.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
SIZE ?=
ONLY ?=
ONCE ?=
ORDERS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check format bench docs lock clean

help: ## print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: $(VENV)/.installed ## make the environment (done by the others when needed)

$(VENV)/.installed: requirements.lock pyproject.toml apps/assets/package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "DMAT needs Python 3.11 to 3.13; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python && { command -v uv || test -x $(BIN)/uv || $(BIN)/python -m pip --version; } >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@command -v uv >/dev/null 2>&1 || test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@echo "Installing what requirements.lock names ..."
	@UV=$$(command -v uv || echo $(BIN)/uv); \
	  $$UV pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
	  $$UV pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@$(BIN)/python -m apps.assets.build
	@touch $@

demo: setup ## run a make-believe company and serve the screens (ONCE=1: run the loop once, print a summary, stop; ORDERS=file: on real orders)
	@$(BIN)/dmat demo $(if $(ONCE),--once) $(if $(SIZE),--people $(SIZE)) $(if $(ORDERS),--orders $(ORDERS))

up: setup ## start all processes of this workspace, with its own settings
	@$(BIN)/dmat up

test: setup ## run the tests
	@$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadscope $(ARGS)

check: setup ## style, types, imports, SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@cd dbt && ../$(BIN)/sqlfluff lint models --processes 2

format: setup ## put the code into its usual form
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: setup ## speed and memory as ratios (SIZE=100k|1m|10m, ONLY=capture,build,...)
	@$(BIN)/python -m benchmarks.run $(if $(SIZE),--size $(SIZE)) $(if $(ONLY),--only $(ONLY))

docs: setup ## write the generated pages of docs/ again
	@$(BIN)/python -m docs.generate

lock: setup ## resolve requirements.lock again
	@UV=$$(command -v uv || (test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv==$(UV_VERSION); echo $(BIN)/uv)); \
	  $$UV pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock

clean: ## forget the environment and the workspace in var/
	@rm -rf $(VENV) var dbt/target dbt/logs apps/assets/build apps/assets/node_modules
