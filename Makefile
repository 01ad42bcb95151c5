# Two targets matter: `make demo` and `make test`. Both install what they need into .venv and nothing elsewhere.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

BUILT_FROM := scripts/build_prices.py scripts/build_sequence.py scripts/build_console.py $(wildcard scripts/sequence/*.* scripts/sequence/lists/*.txt scripts/console/*.json)

# The console's script files come from the npm registry when the package is built: with the machine's npm, else with one from a wheel.
NODE = command -v npm >/dev/null || $(PIP) install --require-hashes -r requirements/node.txt
# The console's journeys need a browser. Where Debian's can be installed it is; without one they are left out, and say so.
BROWSER = command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -qq -y chromium >/dev/null; } || true

.PHONY: demo test search check format lock bench clean

demo: $(VENV)/.demo
	$(BIN)/pointsman demo

test: check
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --dist loadfile --randomly-seed=1
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --fail-under=100 --include='src/pointsman/core/*,src/pointsman/pipeline/*,src/pointsman/intake/*'

# The laws with examples that nobody has tried yet, in another order than the last time.
search: $(VENV)/.dev
	HYPOTHESIS_PROFILE=search $(BIN)/python -m pytest -n 2 --dist loadfile

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
	$(NODE)
	@echo "Building: the model that finds names is trained now, which takes a minute or two …"
	$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python requirements/dev.txt pyproject.toml $(BUILT_FROM) tests/aimock/package-lock.json tests/console_axe/package-lock.json
	$(PIP) install --require-hashes -r requirements/dev.txt
	$(NODE)
	$(BROWSER)
	@echo "Building: the model that finds names is trained now, which takes a minute or two …"
	$(PIP) install --no-build-isolation --no-deps --editable .
	if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --prefix tests/aimock && npm ci --silent --no-audit --no-fund --prefix tests/console_axe; fi
	@touch $@ $(VENV)/.demo
