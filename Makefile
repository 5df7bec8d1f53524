# Everything here works on a fresh machine with Python 3.11+, pip and make. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
CONFIG ?= customer_success.yaml
DATA_DIR ?= data
export CONFIG DATA_DIR RAVENSTACK_DIR FILE
# Tests start many processes; without compiled code of ours collecting them alone takes twice as long.
export PYTHONDONTWRITEBYTECODE :=
export DAGSTER_HOME := $(abspath $(DATA_DIR))/dagster

py := .venv/bin/python
installed := .venv/.installed
stamp := .venv/.on_path

.DEFAULT_GOAL := help
.PHONY: help run test soak spark test-spark stores test-stores dev check format init plan doctor forget rebuild rollback lock docs example bench clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

$(installed): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "Setting up .venv from requirements.lock …"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $(installed)

# Dagster's own commands import the project from wherever they are started.
$(stamp): $(installed)
	@pwd > "$$($(py) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/customer_success_warehouse.pth"
	@touch $(stamp)

run: $(stamp) ## the main job: exports in, published warehouse out (CONFIG=, DATA_DIR=, MONTHS=2026-05 or 2026-01..2026-05, ACCEPT=)
	@$(py) -m pipelines run $(if $(MONTHS),--months $(MONTHS)) $(if $(ACCEPT),--accept $(ACCEPT))

test: $(stamp) ## all tests
	@$(py) -m pytest -n 2 --dist loadfile

older_duckdb := .venv/duckdb_1_4
$(older_duckdb): tests/soak/older_duckdb.lock $(installed)
	@rm -rf $@ && .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target $@ -r $<

soak: $(stamp) $(older_duckdb) ## what takes an hour: damages, kills, full disks, readers in a crowd, laws on new examples (SHARE=10: a tenth)
	@SOAK_SHARE=$(or $(SHARE),100) $(py) -m pytest tests/soak tests/laws -n 2 --dist load --maxschedchunk 1

spark_installed := .venv/.spark
$(spark_installed): spark.lock $(installed)
	@.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r spark.lock
	@touch $@

spark: $(stamp) $(spark_installed) ## install Spark, for engine: {kind: spark}; needs Java 17

test-spark: $(stamp) $(spark_installed) ## the tests of Spark, on this machine (local[2]); needs Java 17 (EVENTS=2000000: so many are drawn)
	@EVENTS_ENGINE=spark $(if $(EVENTS),EVENTS=$(EVENTS)) $(py) -m pytest tests/spark tests/transforms/test_usage.py -n 2 --dist loadfile

stores_installed := .venv/.stores
$(stores_installed): stores.lock $(installed)
	@.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r stores.lock
	@touch $@

stores: $(stamp) $(stores_installed) ## install what speaks to s3://, gs://, az://, https:// and sftp://

store_server := .venv/.store_server
$(store_server): tests/stores/server.lock $(stores_installed)
	@.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

test-stores: $(stamp) $(store_server) ## the tests of stores: an S3, an HTTP and an SFTP server on this machine
	@STORES_SERVED=1 $(py) -m pytest tests/stores -n 2 --dist load

dev: $(stamp) ## Dagster's UI and daemon on 127.0.0.1:3000
	@$(py) -m pipelines dev

check: $(stamp) ## format, lint, types, import rules
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

format: $(stamp) ## put the code in its one format
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

plan: $(stamp) ## which months and tables are stale, and why; runs nothing
	@$(py) -m pipelines plan

init: $(stamp) ## a first config (CONFIG=) for a folder of exports (FOLDER=; without, you are asked), and what the doctor says of it
	@$(py) -m pipelines init $(if $(FOLDER),--folder "$(FOLDER)")

doctor: $(stamp) ## config, sources, disk, landed and staged files, databases, key, modes; and what mends them
	@$(py) -m pipelines doctor

forget: $(stamp) ## give up a landed file, as doctor names it (FILE=), or all that a source no longer sends (SOURCE=); recorded
	@$(py) -m pipelines forget $(if $(SOURCE),--source "$$SOURCE",--file "$$FILE")

rebuild: $(stamp) ## make everything again from the landed files, and replace it when all went well
	@$(py) -m pipelines rebuild

rollback: $(stamp) ## publish the version before the present one again
	@$(py) -m pipelines rollback

docs: $(stamp) ## write docs/dictionary.md and config.schema.json from contracts, catalogue and config, malformed.md from its tests
	@$(py) -m pipelines dictionary > docs/.dictionary.part && mv docs/.dictionary.part docs/dictionary.md
	@$(py) -m pipelines schema > docs/.schema.part && mv docs/.schema.part docs/config.schema.json
	@$(py) -m tests.malformed > docs/.malformed.part && mv docs/.malformed.part docs/malformed.md

example: $(stamp) ## make the bundled example company again
	@$(py) -m examples.generator

# In an environment of its own, as dbt is only what we are compared with.
dbt := .venv/dbt/.installed
$(dbt): benchmarks/dbt.lock $(installed)
	@rm -rf $(@D) && $(py) -m venv $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

bench: $(stamp) $(dbt) ## what a run costs as companies grow, as ratios within one run; writes docs/performance.md and the README's table (CUSTOMERS=1000,20000)
	@$(if $(CUSTOMERS),CUSTOMERS=$(CUSTOMERS)) $(py) -m benchmarks

resolve := uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-header
extras = $(py) -c 'import sys, tomllib; told = tomllib.load(open("pyproject.toml", "rb")); \
    found = told["project"]["optional-dependencies"] | told["dependency-groups"]; \
    print(*(one for name in sys.argv[1:] for one in found[name]), sep="\n")' $(1)
lock: ## resolve all lock files again (needs uv); hashes, no addresses
	$(resolve) pyproject.toml --group dev --output-file requirements.lock
	$(resolve) benchmarks/dbt.in --output-file benchmarks/dbt.lock
	$(call extras,spark) | $(resolve) - --output-file spark.lock
	$(call extras,s3 gs az https sftp) | $(resolve) - --constraint requirements.lock --output-file stores.lock
	$(call extras,s3 stores) | $(resolve) - --constraint stores.lock --output-file tests/stores/server.lock

clean: ## forget the environment (never the data)
	rm -rf .venv
