# Two targets matter: `make demo` and `make test`. Both install what they need into .venv and nothing elsewhere.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

BUILT_FROM := scripts/build_prices.py scripts/build_sequence.py $(wildcard scripts/sequence/*.* scripts/sequence/lists/*.txt)

.PHONY: demo test check format lock bench clean

demo: $(VENV)/.demo
	$(BIN)/pointsman demo

test: check
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --dist loadfile
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --fail-under=100 --include='src/pointsman/core/*,src/pointsman/pipeline/*,src/pointsman/intake/*'

check: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/pyright

format: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock:
	scripts/lock

bench: $(VENV)/.dev
	$(BIN)/python bench/run.py

clean:
	rm -rf $(VENV) dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo '`$(PYTHON)` is no Python from 3.11 on. Name one: make demo PYTHON=python3.12' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.demo: $(VENV)/bin/python requirements/build.txt pyproject.toml $(BUILT_FROM)
	$(PIP) install --require-hashes -r requirements/build.txt
	$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python requirements/dev.txt pyproject.toml $(BUILT_FROM) tests/aimock/package-lock.json
	$(PIP) install --require-hashes -r requirements/dev.txt
	$(PIP) install --no-build-isolation --no-deps --editable .
	if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --prefix tests/aimock; fi
	@touch $@ $(VENV)/.demo
