# One environment, made from hashed locks, serves every target. PYTHON names the interpreter that it is made with.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
LINT := $(CURDIR)/var/lint
export PYTHONDONTWRITEBYTECODE =
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: env demo test ui lint lock clean

env: $(VENV)/.ready

$(VENV)/.ready: requirements.lock requirements-bootstrap.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --only-binary :all: -r requirements-bootstrap.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --config-setting editable_mode=compat --editable .
	touch $@

demo: env
	$(BIN)/wayfinder demo

test: env
	$(BIN)/pytest -n 2 --dist loadfile $(TESTS)

ui: env
	$(BIN)/wayfinder ui

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --processes 2 dbt_project
	$(BIN)/dbt --quiet parse --project-dir dbt_project --profiles-dir dbt_project --target-path $(LINT) --log-path $(LINT)
	cd dbt_project && ../$(BIN)/dbt-score lint --manifest $(LINT)/manifest.json

lock: env
	$(BIN)/uv pip compile --quiet pyproject.toml --group dev --extra examples --extra sentences --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --output-file requirements.lock

clean:
	rm -rf $(VENV) var
