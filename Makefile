# `make build` builds and publishes the database, `make test` runs every test; `make help` lists the rest.
# Settings are environment variables, so that make, dbt and CI read the same ones:
#   OLIST_RAW_DIR   folder with the nine raw files (default data/sample, made when missing)
#   OLIST_DATABASE  the published database (default warehouse/olist.duckdb)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUPERSET_VENV := .venv-superset
SUPERSET_PYTHON ?= $(PYTHON)
export PYTHONPATH := python
# dbt reads profiles.yml from here, whatever the caller's own profile is.
export DBT_PROFILES_DIR := .
# Of `make audience` and `make audiences`.
EXPORT_OPTIONS = $(if $(AS_OF),--as-of "$(AS_OF)") $(if $(TO),--to "$(TO)") $(if $(FRENCH),--language fr)

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-all sample data verify build rollback contract full-refresh test lint docs audience audiences boards pictures superset superset-test postgres metrics benchmark performance lock clean

help:  ## This list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{ printf "  make %-14s %s\n", $$1, $$2 }'

setup: $(VENV)/.runtime  ## The environment from the lock.

setup-dev: $(VENV)/.dev

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) found: install Python 3.11 or later, or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 14) or sys.exit("Python 3.11 to 3.14 is needed, this is %d.%d. Name another one: make PYTHON=/path/to/python3.12" % v)'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

# Optional groups, each into the same environment from its own lock: fetch, charts, pictures, postgres, metrics.
$(VENV)/.fetch $(VENV)/.charts $(VENV)/.pictures $(VENV)/.postgres $(VENV)/.metrics: $(VENV)/.%: requirements-%.txt | $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

setup-all: setup-dev $(VENV)/.charts $(VENV)/.postgres $(VENV)/.metrics

sample: setup  ## Synthetic Olist in data/sample (CUSTOMERS=96096).
	$(BIN)/python -m olist sample --to data/sample $(if $(CUSTOMERS),--customers $(CUSTOMERS))

data: $(if $(FROM),setup,$(VENV)/.fetch)  ## The real set in data/olist, from Kaggle or FROM=dir-or-zip.
	$(BIN)/python -m olist fetch --to data/olist $(if $(FROM),--from $(FROM))

verify: setup  ## Check OLIST_RAW_DIR against the manifest of the real set.
	$(BIN)/python -m olist verify "$${OLIST_RAW_DIR:-data/olist}"

build: setup $(if $(OLIST_RAW_DIR),,sample)  ## Build, test and publish the database (OPTIONS=... for dbt build, PARTIAL=1 if they leave something out).
	$(BIN)/python -m customer_segmentation build $(if $(PARTIAL),--partial) $(OPTIONS)

rollback: setup  ## The database published before (TO=NAME for another one, LIST=1 to see them).
	$(BIN)/python -m customer_segmentation rollback $(if $(LIST),--list) $(if $(TO),--to $(TO))

contract: setup  ## The maintenance contract, English and French, Markdown and HTML (TO=folder).
	@$(BIN)/python -m customer_segmentation contract $(if $(TO),--to "$(TO)")

full-refresh: setup $(if $(OLIST_RAW_DIR),,sample)  ## As build, re-using nothing.
	$(BIN)/python -m customer_segmentation build --full-refresh $(if $(PARTIAL),--partial) $(OPTIONS)

test: setup-dev  ## Every test; those on the real data when OLIST_RAW_DIR points at it.
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: setup-dev  ## ruff, mypy, sqlfluff, dbt parse, dbt-bouncer.
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/dbt --quiet --warn-error --no-partial-parse parse
	$(BIN)/sqlfluff lint --processes 2 models tests analyses
	$(BIN)/dbt-bouncer --config-file dbt-bouncer.yml

audience: setup  ## Who is in SEGMENT=name (AS_OF=date, FRENCH=1, TO=folder), as CSV and Parquet.
	@$(BIN)/python -m customer_segmentation audience --segment "$(SEGMENT)" $(EXPORT_OPTIONS)

audiences: setup  ## The same for every segment.
	@$(BIN)/python -m customer_segmentation audience --all $(EXPORT_OPTIONS)

boards: setup $(VENV)/.charts  ## Boards as HTML and PNG, into boards/ (TO=folder, BOARD=name).
	@$(BIN)/python -m customer_segmentation boards $(BOARD) $(if $(TO),--to "$(TO)")

pictures: setup $(VENV)/.charts $(VENV)/.pictures  ## The README's pictures, from the database (TO=docs/pictures).
	@$(BIN)/python -m tools.readme_pictures $(if $(TO),--to "$(TO)")

# Superset needs older versions of what we use, so it has an environment of its own.
$(SUPERSET_VENV)/.ready: superset/requirements-superset.txt
	@$(SUPERSET_PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 12) or sys.exit("Superset 6.1 needs Python 3.11 or 3.12, this is %d.%d. Name another one: make superset SUPERSET_PYTHON=/path/to/python3.12" % v)'
	$(SUPERSET_PYTHON) -m venv $(SUPERSET_VENV) || { rm -rf $(SUPERSET_VENV); echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(SUPERSET_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

superset: $(SUPERSET_VENV)/.ready  ## Apache Superset on the database, at 127.0.0.1 (SUPERSET_PORT=8088).
	@$(SUPERSET_VENV)/bin/python -m customer_segmentation superset

superset-test: setup-dev $(SUPERSET_VENV)/.ready  ## Start it, log in, compare its numbers with the database.
	OLIST_TEST_SUPERSET=1 $(BIN)/python -m pytest tests/python/test_superset.py

postgres: setup $(VENV)/.postgres  ## Copy marts and bi into PostgreSQL: DSN=postgresql://... (SCHEMA=olist).
	@$(BIN)/python -m customer_segmentation postgres --dsn "$(DSN)" $(if $(SCHEMA),--schema "$(SCHEMA)")

metrics: setup $(VENV)/.metrics  ## A metric from the semantic layer: METRICS=revenue BY=customer__segment.
	@$(BIN)/dbt --quiet parse
	@$(BIN)/mf query --metrics "$(METRICS)" $(if $(BY),--group-by "$(BY)")

benchmark: setup  ## Ours against pandas and scikit-learn: SIZE=1, 10 or 100, PARTS=rfm,ks, REPEATS=3, WORK=folder.
	@PYTHONPATH=python:. $(BIN)/python -m benchmarks.run $(if $(SIZE),--size $(SIZE)) $(if $(PARTS),--parts $(PARTS)) \
		$(if $(REPEATS),--repeats $(REPEATS)) $(if $(WORK),--work "$(WORK)") $(if $(NAME),--name $(NAME)) \
		$(if $(RESULTS),--results "$(RESULTS)") $(if $(SELECTOR),--selector $(SELECTOR))

performance: setup  ## docs/performance.md from what `make benchmark` has stored.
	@PYTHONPATH=python:. $(BIN)/python -m benchmarks.report

docs: setup  ## dbt docs as one page, target/docs.html.
	@$(BIN)/python -m customer_segmentation docs

lock: setup-dev  ## Resolve pyproject.toml anew into the requirements files.
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv lock
	$(BIN)/uv export --quiet --frozen --no-dev --no-header -o requirements.txt
	$(BIN)/uv export --quiet --frozen --no-header -o requirements-dev.txt
	for group in fetch charts pictures postgres metrics; do \
		$(BIN)/uv export --quiet --frozen --only-group $$group --no-header -o requirements-$$group.txt || exit 1; done
	rm uv.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		superset/requirements.in -o superset/requirements-superset.txt

clean:  ## Remove what was built, not the data and the published database.
	rm -rf target logs .pytest_cache .ruff_cache
