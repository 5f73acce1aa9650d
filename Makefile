# Commands for developers.  They need python3 (3.11 to 3.13) and make; everything else is installed into .venv from the lock files.

PYTHON ?= python3
# Where make run serves, before STEPZERO_HOST and STEPZERO_PORT: make run PORT=9000, or PORT=9000 make run
HOST   ?=
PORT   ?=
VENV   := .venv
BIN    := $(VENV)/bin

# Extra arguments for pytest: make test PYTEST_ARGS='tests/formats -k zip'
# Coverage is measured, and its floor checked, only without them.
PYTEST_ARGS :=
# Number of test processes; each takes whole files: make test TEST_PROCESSES=8
TEST_PROCESSES := 2
# Extra arguments for docker build: make image IMAGE_ARGS='--build-arg VARIANT=cuda'
IMAGE_ARGS :=
# Which words `make randomness` tests, and how: make randomness WORDS_ARGS='--interleave seeds' DIEHARDER_ARGS='-d 0'
WORDS_ARGS     :=
DIEHARDER_ARGS := -a -k 2
# How long each target is fuzzed, and which ones: make fuzz-guided FUZZ_S=60 FUZZ_TARGETS=token
FUZZ_S       := 900
FUZZ_TARGETS := token upload form headers

# Extra arguments for validation: make validate VALIDATE_ARGS=--all
VALIDATE_ARGS :=

# The formatter and linter of JavaScript and CSS, if npm is there
BIOME := npx --yes @biomejs/biome@2.6.8

# Duration of make soak
SOAK_S := 600

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-all lint docs reference screenshots format bench soak peers fuzz fuzz-guided audit randomness equality validate lock wheel image clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.runtime ## Serve at http://HOST:PORT, 127.0.0.1:8000 by default; installs first if needed
	@exec $(BIN)/python -m app $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT))

test: $(VENV)/.development ## Run the tests, except the slow ones
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile $(or $(PYTEST_ARGS),--cov)

test-all: $(VENV)/.development ## Run all tests
	$(BIN)/python -m pytest -m 'not bench' $(PYTEST_ARGS)

lint: $(VENV)/.development docs ## Check format, style, spelling, types, layers and docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v npx >/dev/null; then $(BIOME) ci; else echo 'no npx here: the JavaScript and CSS of the pages are not checked'; fi

docs: $(VENV)/.development ## Build the documentation site in site/; fails on broken links and anchors
	$(BIN)/python scripts/docs_site.py
	$(BIN)/zensical build --clean --strict

reference: $(VENV)/.development ## Rewrite the tables of docs/reference/ from the code
	$(BIN)/python scripts/reference.py

screenshots: $(VENV)/.development ## Take the pictures of the pages for the README; needs Chromium and the font Inter
	PYTHONPATH=. $(BIN)/python scripts/screenshots.py

format: $(VENV)/.development ## Format, and apply automatic lint fixes
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	@if command -v npx >/dev/null; then $(BIOME) check --write; fi

bench: $(VENV)/.development ## Run the benchmarks against their peers, and print the ratios
	$(BIN)/python -m pytest -m bench -s --timeout 0 tests/bench $(PYTEST_ARGS)

soak: $(VENV)/.development ## Serve a mixed load with aborts, kills and malicious clients for SOAK_S seconds, and check for leaks
	$(BIN)/python -m scripts.soak $(SOAK_S)

peers: $(VENV)/.peers ## Compare presets with the libraries themselves, and test generated clients; installs about 2 GB
	$(BIN)/python -m pytest -m peers tests/peers $(PYTEST_ARGS)

fuzz: $(VENV)/.development ## Send ten thousand generated requests, with and without keys; takes minutes
	$(BIN)/python -m pytest -m slow --timeout 0 tests/api/test_at_scale.py tests/fuzz $(PYTEST_ARGS)

fuzz-guided: $(VENV)/.fuzz ## Fuzz the readers of tokens, uploads, forms and headers by coverage; FUZZ_S seconds each
	for target in $(FUZZ_TARGETS); do $(BIN)/python -m tests.fuzz.guided $$target --seconds $(FUZZ_S) || exit 1; done

audit: $(VENV)/.audit ## Check the locked releases for known vulnerabilities; needs the package index
	$(BIN)/pip-audit --strict --no-deps --disable-pip --requirement requirements.lock --requirement requirements-torch.lock

randomness: $(VENV)/.runtime ## Test the random words with dieharder; takes about half an hour
	@command -v dieharder >/dev/null || { echo 'dieharder is missing; on Debian and Ubuntu: apt-get install dieharder' >&2; exit 1; }
	$(BIN)/python scripts/words.py $(WORDS_ARGS) | dieharder -g 200 $(DIEHARDER_ARGS)

equality: $(VENV)/.development ## Draw the same bits on other processors, Pythons and releases, as far as possible here; takes minutes
	$(BIN)/python -m pytest -m 'not bench' tests/engine $(PYTEST_ARGS)
	$(BIN)/python scripts/equality.py

validate: $(VENV)/.development ## Train small networks and compare outcomes with diagnostics; takes about 20 minutes
	$(BIN)/python -m validation $(VALIDATE_ARGS)

lock: ## Renew the lock files from the ranges in pyproject.toml
	$(PYTHON) scripts/lock.py

wheel: $(VENV)/.runtime ## Build the library's wheel into dist/
	rm -rf build
	$(BIN)/python -m pip wheel --disable-pip-version-check --quiet --no-deps --no-build-isolation --wheel-dir dist .

image: ## Build the container image, for CPUs; see IMAGE_ARGS above for CUDA
	docker build --tag stepzero $(IMAGE_ARGS) .

clean: ## Remove everything that was made here
	rm -rf $(VENV) build dist site *.egg-info .cache .coverage .coverage.* .fuzz .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find app scripts stepzero_rnn tests validation -name __pycache__ -prune -exec rm -rf {} +

# The stamps record what has been installed: a second `make run` starts at once.  $(VENV)/pins.txt has the installed
# releases, as constraints for groups without a lock.

$(VENV)/.runtime: requirements.lock requirements-torch.lock pyproject.toml
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit("Python 3.11 to 3.13 is needed: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --requirement requirements-torch.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip freeze --disable-pip-version-check --exclude-editable >$(VENV)/pins.txt
	@touch $@

$(VENV)/.peers: $(VENV)/.development pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint $(VENV)/pins.txt --group peers
	@touch $@

$(VENV)/.audit: $(VENV)/.runtime pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint $(VENV)/pins.txt --group audit
	@touch $@

$(VENV)/.fuzz: $(VENV)/.development pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint $(VENV)/pins.txt --group fuzz
	@touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@
