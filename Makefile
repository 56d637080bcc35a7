# The two commands of the README are `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-databricks test-airbyte lint bench bench-scheduler bench-databricks bench-web chaos fuzz hotspots lock docs screenshots clean
demo: $(VENV)/.installed
	$(BIN)/syncline demo

test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --dist loadfile

# Downloads the connectors' packages that are listed, imports their manifests and reads every table.
test-airbyte: $(VENV)/.dev
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest build/airbyte -r tests/standins/airbyte-packages.txt
	PYTHONPATH=tests $(BIN)/python -m standins.airbyte_packages build/airbyte

# Databricks: the whole contract and every fault against a stand-in warehouse, what matters most
# with real Spark and Delta Lake behind it; SYNCLINE_DATABRICKS_ENGINE=spark: the whole contract
# with Spark, an hour. SYNCLINE_TEST_DATABRICKS="Server=…;HTTPPath=…;Token=…;Catalog=…": against
# a workspace. OPTIONS are pytest's.
SPARK := .venv-databricks
OPTIONS := -n 2 --dist loadfile
test-databricks: $(VENV)/.dev $(SPARK)/.installed
	@home=$$(deploy/install-java) && JAVA_HOME=$$home \
	SYNCLINE_DATABRICKS_PYTHON=$(abspath $(SPARK))/bin/python $(BIN)/pytest --timeout 900 $(OPTIONS) tests/databricks

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench
	$(BIN)/python -m bench.run

hotspots: $(VENV)/.bench
	$(BIN)/python -m bench.hotspots

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(LOCK) -o requirements.lock pyproject.toml
	$(LOCK) --all-extras -c requirements.lock -o requirements-image.lock pyproject.toml
	$(LOCK) --all-extras --group dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	$(LOCK) --all-extras --group bench -c requirements-dev.lock -o requirements-bench.lock pyproject.toml
	$(LOCK) -o requirements-databricks.lock requirements-databricks.in

# Whatever the OpenAPI document of the REST API allows, and what it does not; some minutes.
fuzz: $(VENV)/.dev
	$(BIN)/pytest -q -p no:xdist tests/control/fuzz_api.py

# Nodes that are killed, frozen and cut off while they run jobs; some minutes.
chaos: $(VENV)/.dev
	$(BIN)/pytest -q tests/chaos/chaos_one_machine.py tests/chaos/chaos_nodes.py

# What thousands of schedules cost one node, and a simulated day of them; writes
# bench/RESULTS-scheduler.md.
bench-scheduler: $(VENV)/.bench
	PYTHONPATH=tests $(BIN)/python -m bench.scheduler

# Lists and pages with thousands of jobs, and what a live page costs; writes bench/RESULTS-web.md.
bench-web: $(VENV)/.bench
	PYTHONPATH=tests $(BIN)/python -m bench.web

# A million rows into the stand-in warehouse on Spark, beside dlt; a quarter of an hour.
bench-databricks: $(VENV)/.bench $(SPARK)/.installed
	@home=$$(deploy/install-java) && JAVA_HOME=$$home \
	SYNCLINE_DATABRICKS_PYTHON=$(abspath $(SPARK))/bin/python PYTHONPATH=tests $(BIN)/python -m bench.databricks

docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py

screenshots: $(VENV)/.dev
	$(BIN)/python docs/record_demo.py
	$(BIN)/python docs/take_screenshots.py

clean:
	rm -rf $(VENV) $(SPARK) .mypy_cache .ruff_cache .pytest_cache build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Syncline needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing; on Debian and Ubuntu: sudo apt-get install python3-venv"; exit 1; }

$(VENV)/.installed: $(VENV)/bin/python requirements.lock pyproject.toml
	@echo "Installing Syncline into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed requirements-dev.lock
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.bench: $(VENV)/.dev requirements-bench.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

$(SPARK)/.installed: requirements-databricks.lock
	@echo "Installing Spark into $(SPARK) ..."
	@$(PYTHON) -m venv $(SPARK)
	@$(SPARK)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-databricks.lock
	@touch $@
