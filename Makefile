# `make build` builds and publishes the database, `make test` runs the tests that need no other build; `make help` lists the rest.
# Settings are environment variables, so that make, dbt and CI read the same ones:
#   OLIST_RAW_DIR   folder with the nine raw files (default data/sample, made when missing)
#   SEGMENTATION_DATABASE  the published database (default warehouse/olist.duckdb)

# What the caller gives, on the command line or in one of these environment variables, is text: make does not expand it,
# and recipes read it from the environment ("$$TO"), so that no shell takes it for a command.
override define as_text
override $1 := $$(value $1)
export $1
endef
override SETTINGS := AS_OF BOARD BY CUSTOMERS CUSTOMER_FILE DSN FRENCH FROM GROUP LIMIT LIST METRICS NAME OLIST_RAW_DIR OPTIONS PARTS PYTHON \
	REPEATS REVIEW_FILE RESULTS ONE ONLY ORDER ORDERS OTHER CURRENCY NOTICE PORT SCHEMA SEED SEGMENT SELECTOR SHOP SIZE STATE TABLE TIME_FORMAT \
	TIME_ZONE SUPERSET_PYTHON TO WORK
override GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name))) \
	$(foreach name,$(SETTINGS),$(if $(filter environment,$(origin $(name))),$(name)))
$(foreach name,$(GIVEN),$(eval $(call as_text,$(name))))
# An option of a command, when its variable is given: $(call option,--to,TO) is --to="$TO".
override option = $(if $($2),$1="$$$2")

PYTHON ?= python3
SUPERSET_PYTHON ?= $(PYTHON)
# uv installs a lock several times as fast as pip; pip does it where there is none, or with UV=.
UV ?= $(shell command -v uv)
export PYTHON SUPERSET_PYTHON UV
VENV := .venv
SUPERSET_VENV := .venv-superset
DUCKLAKE_VENV := .venv-ducklake
SPARK_VENV := .venv-spark
# These are parts of rules, where nothing can be quoted.
override odd_characters = $(foreach character,' " ` $$ ; & | < > ( ) * ? [ ] { } \ ! = % :,$(findstring $(character),$1))
$(foreach name,VENV SUPERSET_VENV DUCKLAKE_VENV SPARK_VENV,$(if $(filter-out 1,$(words $($(name))))$(strip $(call odd_characters,$($(name)))),\
	$(error $(name) is a path without blanks, quotes and the like)))
override BIN := $(VENV)/bin
export PYTHONPATH := python
# Files of the project are UTF-8, whatever the locale of the machine says.
export PYTHONUTF8 := 1
# dbt reads profiles.yml from here, whatever the caller's own profile is.
export DBT_PROFILES_DIR := .
# OPTIONS are several words, quoted as in a shell; Python takes them apart.
override BUILD = $(BIN)/python -m customer_segmentation build $(call option,--shop,SHOP) $(call option,--options,OPTIONS)
# Make an environment, if Python is there and not too old or too new: $(call environment,$(VENV),make).
override define environment
@command -v "$$PYTHON" >/dev/null || { echo "No $$PYTHON found: install Python 3.11 or later, or name one: $2 PYTHON=/path/to/python3.12" >&2; exit 1; }
@"$$PYTHON" -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 14) or sys.exit("Python 3.11 to 3.14 is needed, this is %d.%d. Name another one: $2 PYTHON=/path/to/python3.12" % v)'
"$$PYTHON" -m venv $1 || { rm -rf $1; echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
endef
# Install a lock, and nothing but it, into an environment: $(call install,$(VENV),requirements.txt).
override LOCKED := --quiet --no-deps --require-hashes -r
# pip takes half its time to compile modules of which few are ever imported; where Python may keep what it compiles itself, it does.
override COMPILED := $(if $(PYTHONDONTWRITEBYTECODE),,--no-compile)
override install = { [ -n "$$UV" ] && "$$UV" pip install --python $1/bin/python $(LOCKED) $2; } || \
	$1/bin/python -m pip install --disable-pip-version-check $(COMPILED) $(LOCKED) $2
override PYTEST = $(BIN)/python -m pytest --numprocesses auto --no-loadscope-reorder
# Of `make audience` and `make audiences`.
override EXPORT_OPTIONS = $(call option,--as-of,AS_OF) $(call option,--state,STATE) $(call option,--group,GROUP) \
	$(call option,--order,ORDER) $(call option,--limit,LIMIT) $(call option,--to,TO) $(if $(FRENCH),--language fr)

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-all sample data verify shop build rollback contract full-refresh test test-all torture lint docs audience audiences boards serve pictures superset superset-test ducklake ducklake-test spark spark-test parity postgres metrics benchmark performance lock clean

help:  ## [Maintain] This list.
	@for group in "Build" "Read and share" "Check" "Maintain"; do \
		printf '%s\n' "$$group"; \
		sed -nE "s/^([a-z-]+):.*## \[$$group\] (.*)/\1|\2/p" Makefile | awk -F'|' '{ printf "  make %-14s %s\n", $$1, $$2 }'; \
	done

setup: $(VENV)/.runtime  ## [Build] The environment from the lock.

setup-dev: $(VENV)/.dev  ## [Check] What tests and lint need, into the same environment.

$(VENV)/bin/python:
	$(call environment,$(VENV),make)

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	$(call install,$(VENV),requirements.txt)
	@touch $@
	@# Kernels are compiled while what comes next is done; without this, when they are first called.
	@nice $(BIN)/python -m customer_segmentation._kernels </dev/null >/dev/null 2>&1 &

$(VENV)/.dev: requirements-dev.txt | $(VENV)/.runtime
	$(call install,$(VENV),requirements-dev.txt)
	@touch $@

# Optional groups, each into the same environment from its own lock: fetch, charts, pictures, postgres, metrics, benchmarks, accessibility.
$(VENV)/.accessibility $(VENV)/.benchmarks $(VENV)/.fetch $(VENV)/.charts $(VENV)/.pictures $(VENV)/.postgres $(VENV)/.metrics: $(VENV)/.%: requirements-%.txt | $(VENV)/.runtime
	$(call install,$(VENV),$<)
	@touch $@

setup-all: setup-dev $(VENV)/.accessibility $(VENV)/.charts $(VENV)/.postgres $(VENV)/.metrics  ## [Check] That, and what boards, PostgreSQL and metrics need.

sample: setup  ## [Build] Synthetic Olist in data/sample (CUSTOMERS=96096).
	$(BIN)/python -m olist sample --to data/sample $(call option,--customers,CUSTOMERS)

data: $(if $(FROM),setup,$(VENV)/.fetch)  ## [Build] The real set in data/olist, from Kaggle or FROM=dir-or-zip.
	$(BIN)/python -m olist fetch --to data/olist $(call option,--from,FROM)

verify: setup  ## [Build] Check OLIST_RAW_DIR against the manifest of the real set.
	$(BIN)/python -m olist verify -- "$${OLIST_RAW_DIR:-data/olist}"

shop: setup  ## [Build] Look at ORDERS='folder/*.csv' (TABLE=, TO=shop.yml, TIME_ZONE=, TIME_FORMAT=, CURRENCY=, NOTICE=, CUSTOMER_FILE=, REVIEW_FILE=), and say how to read them.
	@$(BIN)/python -m customer_segmentation shop $(call option,--to,TO) $(call option,--table,TABLE) \
		$(call option,--time-zone,TIME_ZONE) $(call option,--time-format,TIME_FORMAT) $(call option,--currency,CURRENCY) $(call option,--notice,NOTICE) \
		$(call option,--customers,CUSTOMER_FILE) $(call option,--reviews,REVIEW_FILE) -- "$$ORDERS"

build: setup $(if $(OLIST_RAW_DIR)$(SHOP),,sample)  ## [Build] Build, test and publish the database (SHOP=shop.yml for own orders, OPTIONS=... for dbt build, PARTIAL=1 if they leave something out, VERBOSE=1 for every line).
	$(BUILD) $(if $(PARTIAL),--partial) $(if $(VERBOSE),--verbose)

rollback: setup  ## [Build] The database published before (TO=NAME for another one, LIST=1 to see them).
	$(BIN)/python -m customer_segmentation rollback $(if $(LIST),--list) $(call option,--to,TO)

contract: setup  ## [Read and share] The maintenance contract, English and French, Markdown and HTML (TO=folder).
	@$(BIN)/python -m customer_segmentation contract $(call option,--to,TO)

full-refresh: setup $(if $(OLIST_RAW_DIR)$(SHOP),,sample)  ## [Build] As build, re-using nothing.
	$(BUILD) --full-refresh $(if $(PARTIAL),--partial) $(if $(VERBOSE),--verbose)

test: setup-dev  ## [Check] The tests of functions, commands and one build of a small sample, in some minutes.
	$(PYTEST) -m "not thorough"

test-all: setup-dev  ## [Check] Every test; those on the real data when OLIST_RAW_DIR points at it (REST=1: what `make test` leaves).
	$(PYTEST) $(if $(REST),-m thorough)

torture: setup-dev  ## [Check] Kills, readers and writers during swaps, bad inputs, into docs/torture.md (QUICK=1, SEED=, ONLY=kills,swaps,inputs).
	@PYTHONPATH=python:tests $(BIN)/python -m torture $(if $(QUICK),--quick) $(call option,--seed,SEED) $(call option,--only,ONLY)

lint: setup-dev  ## [Check] ruff, mypy, sqlfluff, dbt parse, dbt-bouncer.
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/dbt --quiet --warn-error --no-partial-parse parse
	$(BIN)/sqlfluff lint --processes 2 models tests analyses
	$(BIN)/python -m tools.portability
	$(BIN)/dbt-bouncer --config-file dbt-bouncer.yml

audience: setup  ## [Read and share] Who is in SEGMENT=names (STATE=, GROUP=treated, ORDER=value, LIMIT=, AS_OF=date, FRENCH=1, TO=folder), as CSV and Parquet.
	@$(BIN)/python -m customer_segmentation audience --segment="$$SEGMENT" $(EXPORT_OPTIONS)

audiences: setup  ## [Read and share] The same for every segment.
	@$(BIN)/python -m customer_segmentation audience --all $(EXPORT_OPTIONS)

boards: setup $(VENV)/.charts  ## [Read and share] Boards as HTML and PNG, into boards/, French ones into boards/fr/ (TO=folder, BOARD=name, PDF=1: as PDF).
	@$(BIN)/python -m customer_segmentation boards $(call option,--to,TO) $(if $(PDF),--format pdf) $(if $(BOARD),-- "$$BOARD")

serve: setup $(VENV)/.charts  ## [Read and share] A live board at 127.0.0.1: choose date, segment and state, see the customers (PORT=8765, FRENCH=1).
	@$(BIN)/python -m customer_segmentation boards --serve $(call option,--port,PORT) $(if $(FRENCH),--language fr)

pictures: setup $(VENV)/.charts $(VENV)/.pictures  ## [Maintain] The README's pictures, from the database (TO=docs/pictures).
	@$(BIN)/python -m tools.readme_pictures $(call option,--to,TO)

# Superset needs older versions of what we use, so it has an environment of its own.
$(SUPERSET_VENV)/.ready: superset/requirements-superset.txt
	@"$$SUPERSET_PYTHON" -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 12) or sys.exit("Superset 6.1 needs Python 3.11 or 3.12, this is %d.%d. Name another one: make superset SUPERSET_PYTHON=/path/to/python3.12" % v)'
	"$$SUPERSET_PYTHON" -m venv $(SUPERSET_VENV) || { rm -rf $(SUPERSET_VENV); echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(call install,$(SUPERSET_VENV),$<)
	@touch $@

superset: $(SUPERSET_VENV)/.ready  ## [Read and share] Apache Superset on the database, at 127.0.0.1 (SUPERSET_PORT=8088).
	@$(SUPERSET_VENV)/bin/python -m customer_segmentation superset

superset-test: setup-dev $(SUPERSET_VENV)/.ready  ## [Check] Start it, log in, compare its numbers with the database.
	SEGMENTATION_TEST_SUPERSET=1 $(BIN)/python -m pytest tests/commands/test_superset.py

# DuckDB's extensions fit one version of DuckDB, so a lake has an environment of its own.
$(DUCKLAKE_VENV)/.ready: requirements-ducklake.txt
	$(call environment,$(DUCKLAKE_VENV),make ducklake)
	$(call install,$(DUCKLAKE_VENV),$<)
	@touch $@

ducklake: $(DUCKLAKE_VENV)/.ready $(if $(OLIST_RAW_DIR)$(STOP),,sample)  ## [Build] The same in a DuckLake, catalogue in PostgreSQL (SEGMENTATION_DUCKLAKE_CATALOGUE=, _DATA=; STOP=1 ends our server).
	$(DUCKLAKE_VENV)/bin/python -m customer_segmentation ducklake $(call option,--options,OPTIONS) $(if $(STOP),--stop) $(if $(VERBOSE),--verbose)

ducklake-test: $(DUCKLAKE_VENV)/.ready  ## [Check] Its publication, kills, and every table of a small sample against DuckDB's.
	$(DUCKLAKE_VENV)/bin/python -m pytest -n0 tests/commands/test_ducklake.py tests/commands/test_parity.py

# Spark brings 400 MB of its own; it goes by the locked versions of the rest.
$(SPARK_VENV)/.ready: requirements-spark.txt
	@command -v "$${JAVA_HOME:+$$JAVA_HOME/bin/}java" >/dev/null || { echo "Spark needs Java 17 or later, and there is none: install it (Debian and Ubuntu: apt install openjdk-17-jre-headless), or name the folder of one in JAVA_HOME." >&2; exit 1; }
	$(call environment,$(SPARK_VENV),make spark)
	$(call install,$(SPARK_VENV),$<)
	@touch $@

spark: $(SPARK_VENV)/.ready $(if $(OLIST_RAW_DIR)$(SHOP),,sample)  ## [Build] The same on Apache Spark, as Parquet files (SHOP=shop.yml; SEGMENTATION_SPARK_MASTER=spark://host:7077; needs Java 17).
	$(SPARK_VENV)/bin/python -m customer_segmentation spark $(call option,--shop,SHOP) $(call option,--options,OPTIONS) $(if $(VERBOSE),--verbose)

spark-test: $(SPARK_VENV)/.ready  ## [Check] Its publication, kills, and every table of a small sample against DuckDB's (WHOLE=1: with two more builds).
	$(SPARK_VENV)/bin/python -m pytest -n0 \
		$(if $(WHOLE),,-k "not as_stated and not tables_of_a_shop") tests/commands/test_spark_kill.py \
		tests/warehouse/test_spark_parity.py tests/steps/test_engines.py tests/commands/test_spark.py \
		tests/intake/test_raw_spark.py tests/steps/test_spark_submission.py tests/steps/test_spark_executors.py

override PARITY_VENV = $(if $(SPARK),$(SPARK_VENV),$(DUCKLAKE_VENV))
parity: $(PARITY_VENV)/.ready $(if $(OLIST_RAW_DIR)$(ONE)$(SHOP),,sample)  ## [Check] Every public table of DuckDB's against DuckLake's, row by row (SPARK=1: Spark's; SHOP=, OPTIONS= for both builds; ONE=file OTHER=file: two others).
	@$(PARITY_VENV)/bin/python -m customer_segmentation parity $(if $(SPARK),--engine spark) $(call option,--shop,SHOP) $(call option,--options,OPTIONS) $(if $(ONE)$(OTHER),-- "$$ONE" "$$OTHER")

postgres: setup $(VENV)/.postgres  ## [Read and share] Copy the public tables into PostgreSQL: DSN=postgresql://... or PGHOST and the like (SCHEMA=olist).
	@$(BIN)/python -m customer_segmentation postgres $(call option,--schema,SCHEMA)

metrics: setup $(VENV)/.metrics  ## [Read and share] A metric from the semantic layer: METRICS=revenue BY=customer__segment.
	@$(BIN)/python -m customer_segmentation metrics $(call option,--metrics,METRICS) $(call option,--by,BY)

benchmark: setup $(if $(QUICK),,$(VENV)/.benchmarks)  ## [Check] Ours against pandas and scikit-learn, and against experts' tools: SIZE=1, 10 or 100, PARTS=rfm,ks, REPEATS=3, WORK=folder. QUICK=1: has a part become slower (STORE=1)?
	@PYTHONPATH=python:. $(BIN)/python -m benchmarks.run $(call option,--size,SIZE) $(call option,--parts,PARTS) \
		$(call option,--repeats,REPEATS) $(call option,--work,WORK) $(call option,--name,NAME) \
		$(call option,--results,RESULTS) $(call option,--selector,SELECTOR) \
		$(if $(QUICK),--quick) $(if $(STORE),--store)

performance: setup  ## [Maintain] docs/performance.md from what `make benchmark` has stored.
	@PYTHONPATH=python:. $(BIN)/python -m benchmarks.report

docs: setup  ## [Read and share] dbt docs as one page, target/docs.html.
	@$(BIN)/python -m customer_segmentation docs

lock: setup-dev  ## [Maintain] Resolve pyproject.toml anew into the requirements files.
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv lock
	$(BIN)/uv export --quiet --frozen --no-dev --no-header -o requirements.txt
	$(BIN)/uv export --quiet --frozen --no-header -o requirements-dev.txt
	for group in accessibility fetch charts pictures postgres metrics benchmarks; do \
		$(BIN)/uv export --quiet --frozen --only-group $$group --no-header -o requirements-$$group.txt || exit 1; done
	rm uv.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		superset/requirements.in -o superset/requirements-superset.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml requirements-ducklake.in -o requirements-ducklake.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml requirements-spark.in -o requirements-spark.txt

clean:  ## [Maintain] Remove what was built, not the data and the published database.
	rm -rf target logs .pytest_cache .ruff_cache .mypy_cache
