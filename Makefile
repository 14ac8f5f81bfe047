# `make dev` runs it, `make test` proves it. Both need Python 3.11+ and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: setup dev test check quick bench lock docs clean

setup: $(INSTALLED)

$(INSTALLED): requirements/test.txt pyproject.toml clients/python/pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e clients/python -e .
	touch $@

dev: setup
	$(BIN)/aetherflow dev

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest

quick: setup
	$(BIN)/python -m pytest -m "not slow"

bench: setup
	$(BIN)/python -m bench

# The lock names versions and hashes and no index, so that any mirror serves.
lock: setup
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m requirements.lock

docs: setup
	$(BIN)/python -m docs.generate

clean:
	rm -rf .venv .aetherflow dist
