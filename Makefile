# The one door. `make` alone lists what is behind it.

PORT ?= 8000
DATA_DIR ?= var
BIN := .venv/bin
INSTALLED := .venv/.installed
INSTALLED_DEV := .venv/.installed-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check
UV := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet

# The newest suitable Python that can make environments; Debian packs venv and ensurepip separately.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

.DEFAULT_GOAL := help
.PHONY: help setup run demo test lint fmt translations bench migration lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Make the environment that the program runs in

run: $(INSTALLED) ## Run everything, with the demonstration on first start (PORT, DATA_DIR)
	@$(BIN)/grants up --port "$(PORT)" --data "$(DATA_DIR)" --demo

demo: $(INSTALLED) ## Load the demonstration into DATA_DIR without serving it
	@DATA_DIR="$(DATA_DIR)" $(BIN)/grants demo

test: lint ## Check everything and run every test
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n auto

lint: $(INSTALLED_DEV) ## Check style, types, import contracts, templates and translations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --quiet --lint templates
	@for texts in translations/*/LC_MESSAGES/*.po; do \
		[ -e "$$texts" ] || continue; \
		$(BIN)/pybabel -q compile -i "$$texts" -o .venv/compiled.mo && cmp -s .venv/compiled.mo "$${texts%.po}.mo" \
			|| { echo "$$texts has changed since it was compiled; run: make translations"; exit 1; }; \
	done

fmt: $(INSTALLED_DEV) ## Put code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

translations: $(INSTALLED) ## Compile the translations
	$(BIN)/pybabel compile -d translations
	$(BIN)/pybabel compile -D documents -d translations

bench: $(INSTALLED_DEV) ## Measure what each page costs, as one JSON
	@$(BIN)/python -m tests.bench

migration: $(INSTALLED_DEV) ## Draft a migration from the models: make migration about="reports may be returned"
	@[ -n "$(about)" ] || { echo 'Say what it does: make migration about="reports may be returned"'; exit 2; }
	$(BIN)/grants draft-migration "$(about)"

lock: ## Pin the newest versions of everything we stand on (needs uv)
	@command -v uv >/dev/null || { echo "The lock is made by uv: pip install uv"; exit 2; }
	$(UV) --upgrade pyproject.toml --output-file requirements.txt
	$(UV) --upgrade --extra dev --constraint requirements.txt pyproject.toml --output-file requirements-dev.txt

clean: ## Remove the environment and caches; DATA_DIR is yours and stays
	rm -rf .venv pilot_fund.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What is installed is remembered in a file, so that pip runs again only when a lock has changed.
$(INSTALLED): requirements.txt pyproject.toml | .venv
	$(call install,requirements.txt)
	@touch $@

$(INSTALLED_DEV): requirements-dev.txt pyproject.toml | .venv
	$(call install,requirements-dev.txt)
	@touch $(INSTALLED) $@

# One package comes as source only; it is built with the setuptools of the lock, not with one that pip would fetch unseen.
# What pip says goes to standard error, so that the JSON of the bench stays JSON.
define install
@echo "Installing $(1), about a minute, only when it has changed ..." >&2
@awk '/^[^ ]/ { wanted = /^setuptools==/ } wanted' $(1) > .venv/build-requirements.txt
@$(PIP) install --quiet --require-hashes -r .venv/build-requirements.txt >&2
@$(PIP) install --require-hashes --no-build-isolation -r $(1) >&2
@$(PIP) install --quiet --no-deps --no-build-isolation --editable . >&2
endef

.venv:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer with venv is needed. Debian: apt-get install python3-venv. macOS: brew install python"; exit 2; }
	@echo "Making .venv with $$($(PYTHON) --version) ..." >&2
	@$(PYTHON) -m venv .venv
