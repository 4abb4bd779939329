# auth-service: everything a person or a machine does with this project. `make help` lists it.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: help run test unit check bench catalogues pins clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Run the service on http://127.0.0.1:8000, with mail on the console and accounts in auth.db
	@$(BIN)/auth-service serve

test: $(INSTALLED) ## Run all tests, with coverage
	@$(BIN)/python -m pytest --cov --cov-report=term

unit: $(INSTALLED) ## Run the unit tests only: seconds
	@$(BIN)/python -m pytest tests/unit

check: $(INSTALLED) ## Lint, check types and layers, and run all tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

bench: $(INSTALLED) ## Measure the service beside a bare app of the same shapes
	@$(BIN)/python -m bench

catalogues: $(INSTALLED) ## Put new messages of pages and mails into every language, to be translated
	@$(BIN)/python -m tests.integration.catalogues

pins: $(INSTALLED) ## Choose the newest versions of everything and pin them
	@$(BIN)/python -m uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --upgrade \
		--python-version 3.11 --all-extras --group dev pyproject.toml --output-file requirements.txt

clean: ## Remove what was installed and built
	@rm -rf .venv build .coverage .coverage.* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The virtual environment holds exactly what is pinned, each file checked against its hash.
$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "auth-service needs Python 3.11 or newer")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(INSTALLED)
