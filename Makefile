# Every command sets itself up: a virtual environment in .venv from hash-locked files, nothing else.
PYTHON ?= python3
VENV   := .venv
ifeq ($(OS),Windows_NT)
BIN    := $(VENV)/Scripts
else
BIN    := $(VENV)/bin
endif
RUN    := $(BIN)/python
READY  := $(VENV)/.ready
# Hashes and no addresses: the files work with any package index.
LOCKING := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate $(UPGRADE)
COMPILE := $(BIN)/uv pip compile $(LOCKING) pyproject.toml
LOCKS  := requirements-tools.lock requirements-dev.lock

.DEFAULT_GOAL := help
.PHONY: help demo dev test check lint bench chaos lock clean

help:  ## Show these commands.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY)  ## A patient calls in, a CRM calls out: watch both, no account needed.
	@$(RUN) -m frontdesk demo

dev: $(READY)  ## The same parts, left running on fixed ports, restarted when code changes.
	@$(RUN) -m frontdesk dev

# Most tests wait for real time to pass on a phone line: more workers than cores.
WORKERS ?= 4

test: $(READY)  ## Every test, in random order, with coverage.
	$(RUN) -m pytest --numprocesses $(WORKERS) --cov --cov-report=term

lint: $(READY)  ## Formatting, lint rules, types and layers.
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(BIN)/lint-imports

check: lint test  ## What CI runs.

bench: $(READY)  ## The speed figures of the README, as ratios taken in one run.
	$(RUN) -m bench

chaos: $(READY)  ## Calls while gateways and bots are killed, and the leak audit; repeat with CHAOS="--seed 7".
	$(RUN) -m tests.chaos $(CHAOS)

lock: $(READY)  ## Resolve the dependencies into the requirements*.lock files; newer ones with UPGRADE=--upgrade.
	$(COMPILE) --extra gateway -o requirements-gateway.lock
	$(COMPILE) --extra bot -o requirements-bot.lock
	$(COMPILE) --extra simulator -o requirements-simulator.lock
	$(COMPILE) --extra dev -o requirements-dev.lock
	echo "uv==$$($(BIN)/uv --version | cut -d ' ' -f 2)" | $(BIN)/uv pip compile $(LOCKING) - -o requirements-tools.lock

clean:  ## Remove what the commands made.
	rm -rf $(VENV) .frontdesk .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): $(LOCKS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Frontdesk needs Python 3.11 or newer; name one: make PYTHON=python3.12 …")'
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) …"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-tools.lock
	@$(BIN)/uv pip sync --quiet --python $(RUN) --require-hashes requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(RUN) --no-deps --no-build-isolation --editable .
	@touch $@
