# Two commands matter: `make demo` and `make test`. Each prepares .venv first, which takes time only once.
# Paths stay relative and programs run as `python -m`, so that a checkout whose path has a space works.

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
RUN := .venv/bin/python
ANYANOMALY := $(RUN) -m anyanomaly_core.cli
PYTEST := $(RUN) -m pytest
# A statement has quotes and dollars in it; the shell gets it from the environment.
export SQL
# Tests of a room run side by side; those with real services run one after another.
WORKERS ?= 2

.PHONY: help set-up demo scan doctor up down query user status test bench lint types unit integration e2e docs lock clean

help:  ## list the commands
	@grep -E '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/:.*## /|/' | while IFS='|' read -r name does; do printf '  make %-12s %s\n' "$$name" "$$does"; done

set-up:  ## prepare .venv (every other target does it by itself)
	@"$(PYTHON)" .ci/set_up.py

demo: set-up  ## rendered CCTV archive -> Airflow -> events in SQL, on this machine
	@$(ANYANOMALY) demo

scan: set-up  ## the same on your footage: make scan FOOTAGE=/path RULES=/path PROFILE=name
	@$(ANYANOMALY) scan --airflow --rules "$(RULES)" --profile "$(PROFILE)" -- "$(FOOTAGE)"

doctor: set-up  ## what this machine has, lacks and can run
	@$(ANYANOMALY) doctor

up: set-up  ## start Airflow and PostgreSQL and leave them running [STACK=name]
	@$(ANYANOMALY) up --stack "$(STACK)"

down: set-up  ## stop everything that was started, and only that [STACK=name]
	@$(ANYANOMALY) down --stack "$(STACK)"

query: set-up  ## ask the results database: make query SQL="SELECT ..." or SQL=hits_last_night [STACK=name]
	@$(ANYANOMALY) query --stack "$(STACK)" -- "$$SQL"

user: set-up  ## add a user of Airflow's pages: make user NAME=anna ROLE=viewer|user|op|admin [STACK=name]
	@$(ANYANOMALY) user --stack "$(STACK)" -- "$(NAME)" "$(ROLE)"

status: set-up  ## what runs
	@$(ANYANOMALY) status
test: set-up  ## everything CI checks
	@$(MAKE) --no-print-directory lint types
	@$(RUN) .ci/run_tests.py --workers $(WORKERS)

lint: set-up
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .

types: set-up
	@$(RUN) -m mypy

unit: set-up  ## the quick tests
	@$(PYTEST) tests/unit -n $(WORKERS)

integration: set-up  ## tests with real PostgreSQL, ffmpeg and models
	@$(PYTEST) tests/integration -n $(WORKERS)

e2e: set-up  ## tests with the real Airflow services
	@$(PYTEST) tests/e2e

bench: set-up  ## ours against the published loop: speed, encodes, tokens, memory (about 5 minutes) [BENCH_OPTIONS=--save]
	@$(RUN) -m tests.benchmarks.bench_efficiency $(BENCH_OPTIONS)

docs: set-up  ## write the generated pages of docs/ anew
	@$(RUN) .ci/configuration_table.py
	@$(RUN) .ci/sql_page.py
	@$(RUN) -m tests.benchmarks.figures
	@$(RUN) .ci/cli_page.py

lock: set-up  ## write both locks anew, with Debian 12's Python (about 10 minutes) [LOCK_OPTIONS=--upgrade]
	@/usr/bin/python3.11 .ci/lock.py $(LOCK_OPTIONS)

clean:  ## remove .venv and the demo; what was scanned of your own stays: anyanomaly installations
	@if [ -x $(RUN) ]; then $(ANYANOMALY) down; fi
	@if [ -x $(RUN) ] && [ -f .local/demo/installation.json ]; then $(ANYANOMALY) installations remove demo --yes; fi
	@if [ -x $(RUN) ]; then echo "What stays:" && $(ANYANOMALY) installations; fi
	rm -rf .venv .local/demo .local/distributed .mypy_cache .ruff_cache .pytest_cache
