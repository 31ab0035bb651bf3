# make quickstart: the whole chain on real input. make test: the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CONFIG := config/quickstart.yaml
REPORT := results/quickstart/report/index.html

SHELL := bash
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: quickstart environment test check docs clean

quickstart: $(READY)
	@echo "Quickstart: eight to ten minutes on two cores the first time; logs are in results/quickstart/logs."
	@set -o pipefail; $(BIN)/snakemake --configfile $(CONFIG) --cores 2 --quiet rules 2>&1 | tee .quickstart.log
	@if grep -q "Nothing to be done" .quickstart.log; then echo "Quickstart: all is up to date, nothing was computed."; fi
	@rm -f .quickstart.log
	@echo "Report: file://$(CURDIR)/$(REPORT)"

environment: $(READY)

test: $(READY)
	$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal

# Lint, format and the rules of the house; what .ci/run runs beside the tests and the quickstart.
check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/lint-imports
	$(BIN)/snakemake --lint --configfile $(CONFIG)

# On Linux x86-64 PyPI's torch brings CUDA with it (gigabytes; torch pins these packages itself). For a build without,
# give pip an index that holds one: make quickstart PIP_ARGS='--extra-index-url ...'
PIP_ARGS ?=

# The schema and config/README.md are made from src/thresh/config.py, envs/thresh.yaml from the lock.
docs: $(READY)
	$(BIN)/python scripts/write_config_reference.py
	$(BIN)/python scripts/write_conda_environment.py

$(READY): envs/requirements.lock pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'thresh needs Python 3.11 or later, found ' + sys.version)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r envs/requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

clean:
	rm -rf $(VENV)
