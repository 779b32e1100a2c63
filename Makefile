# Two commands do everything: `make run` and `make test`. The others are parts of them.
PYTHON ?= python3
BIN := .venv/bin
export MINSHENG_HOME ?= $(CURDIR)/.minsheng
unexport PYTHONDONTWRITEBYTECODE # else every process of the tests compiles all it imports anew
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python

.PHONY: run test setup check bench crash lint types clean
.DELETE_ON_ERROR:

run: .venv/.core ## set up, simulate a city, take it in, show the pages
	@$(BIN)/minsheng run --demo

test: setup ## set up everything and pass all tests; suites without their server are named with the reason
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-cache && $(BIN)/mypy
	$(BIN)/python -m pytest -n 3 --dist worksteal

setup: .venv/.full .venv/.system ## core, all extras, development tools, browser

check: setup ## lint, types, layers, fast tests
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not server and not browser and not crash and not slow"

crash: setup ## the promises of promises.md at full size: 200 kills, 500 × 50 steps
	MINSHENG_CRASH_KILLS=200 MINSHENG_FAULTS=full MINSHENG_STATE_MACHINE=500x50 MINSHENG_CONTRACT_CASES=3200 $(BIN)/python -m pytest -rP --timeout 3600 \
	  tests/crash tests/faults tests/contract tests/security/test_contract.py

bench: setup ## speed and memory beside the usual way in the same run
	$(BIN)/minsheng bench all
	for bench in tests/bench/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

clean: ## remove what was made here, the demo city with it
	rm -rf .venv .minsheng dashboards/static/vendor dashboards/node_modules

.venv/bin/uv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Minsheng needs Python 3.11 or newer, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv

.venv/.core: .venv/bin/uv pyproject.toml
	$(UV) -e '.[fast]'
	@touch $@

.venv/.full: .venv/bin/uv pyproject.toml
	$(UV) -e '.[full,dev]'
	@touch $@ .venv/.core

# Debian's browser and a Chinese font for the page tests; without the right to install, those tests are skipped with the reason.
.venv/.system: .venv/bin/uv
	@if ! command -v chromium >/dev/null || ! fc-list :lang=zh 2>/dev/null | grep -q .; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk fontconfig >/dev/null || \
	      echo "chromium could not be installed: the browser tests will be skipped"; \
	  else echo "chromium or a Chinese font is missing (apt-get install chromium fonts-noto-cjk): the browser tests will be skipped"; fi; fi
	@touch $@
