# Two commands on a fresh machine: `make demo` and `make test`. Everything else is a part of them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2
GROUPED := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: help demo test check static unit simulation sim contracts cli lab lab-deps fuzz coverage bench lock format clean check-readme

help: ## Say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(STAMP): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

demo: $(STAMP) ## The main job, end to end, in a DNS world on loopback
	$(BIN)/python -m dnsplan demo

test: check simulation contracts cli lab fuzz ## Everything that CI runs

check: $(STAMP) ## Format, lint, types, import contracts, unit tests, properties, core coverage: under a minute
	$(MAKE) --no-print-directory --jobs=2 $(GROUPED) unit coverage static

static: $(STAMP) ## Format, lint, types, import contracts, the example portfolio
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m dnsplan validate

unit: $(STAMP) ## Unit tests, scenarios and properties; those of the core run under `coverage`
	$(BIN)/python -m pytest -q -n $(WORKERS) tests/unit tests/properties tests/scenarios --ignore=tests/unit/engine --ignore=tests/unit/model --ignore=tests/unit/forecast

coverage: $(STAMP) ## Line and branch coverage of model and engine: 100 %
	$(BIN)/coverage run --branch --source=dnsplan.model,dnsplan.engine -m pytest -q tests/unit/engine tests/unit/model tests/unit/forecast
	$(BIN)/coverage report --include='dnsplan/model/*,dnsplan/engine/*' --fail-under=100 --skip-covered --show-missing

simulation: $(STAMP) ## Thousands of random worlds against an oracle that shares no code with the engine
	$(BIN)/python -m pytest -q -n $(WORKERS) tests/simulation

sim: $(STAMP) ## The same with 20,000 worlds for each recipe, half of them with faults: an hour or more
	WORLDS=2000 $(BIN)/python -m pytest -q -s -n $(WORKERS) tests/simulation/test_never_bogus.py

contracts: $(STAMP) lab-deps ## Every parent and signer against real servers
	$(BIN)/python -m pytest -q tests/contracts

cli: $(STAMP) ## The command line, golden output and exit codes
	$(BIN)/python -m pytest -q -n $(WORKERS) tests/cli

lab: $(STAMP) lab-deps ## Rollovers on BIND, Knot, PowerDNS, NSD, watched by Unbound and BIND
	$(BIN)/python -m pytest -q -s tests/lab

fuzz: $(STAMP) ## Random bytes and mutations; FUZZ_SECONDS=60 for the long run
	$(BIN)/python -m pytest -q -n $(WORKERS) tests/fuzz

lab-deps: ## Install the DNS servers that the lab needs
	@sh scripts/lab-deps

bench: $(STAMP) ## Figures and ratios against peers, in one run
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/planning.py

check-readme: $(STAMP) ## The reference of commands is what --help says
	$(BIN)/python -m pytest -q tests/cli -k reference

lock: ## Renew the locked dependencies (needs uv)
	uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-header --no-annotate pyproject.toml -o requirements/runtime.txt
	uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --extra dev requirements/build.in pyproject.toml -o requirements/dev.txt

format: $(STAMP) ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove what was built
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
