# Everything this project can do from a fresh clone, with Python >= 3.11 and make alone.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK := requirements/development.txt
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c '$(SUITABLE)' >/dev/null 2>&1 && { echo $$name; break; }; done)

# Where the shell forbids Python to keep what it compiled, each of a test run's hundred processes compiles anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo dev test prove faults check bench lock

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## Show real checkouts on real servers: paid, declined, abandoned, cancelled, a race
	@$(BIN)/onhand demo $(ARGS)

dev: $(STAMP) ## Keep the whole stack up, with its URLs (Ctrl-C ends it)
	@$(BIN)/onhand dev $(ARGS)

test: $(STAMP) ## Run the tests
	$(BIN)/python -m pytest -n 3 --no-loadscope-reorder $(ARGS)

prove: $(STAMP) ## Run the longer proofs, with the figures the design names
	ONHAND_PROOF=full $(BIN)/python -m pytest -m proof $(ARGS)

faults: $(STAMP) ## Every crash point of every scenario by every fault, in an hour; goes on where it was (FRESH=1: anew)
	@$(if $(FRESH),rm -rf .onhand/faults)
	ONHAND_PROOF=full $(BIN)/python -m pytest -s -p no:randomly tests/integration/worker/faults $(ARGS)

check: $(STAMP) ## Lint, types, import contracts and tidiness, in under a minute
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest tests/style

bench: $(STAMP) ## Measure: make bench ARGS=NAME
	@$(BIN)/onhand bench $(ARGS)

lock: ## Pin the dependencies anew (needs uv)
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links pyproject.toml -o requirements/production.txt
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --extra dev --extra test \
		pyproject.toml -o $(LOCK)

$(STAMP): $(LOCK) pyproject.toml
	@test -n "$(PYTHON)" || { echo "onhand needs Python 3.11, 3.12 or 3.13; none was found on the PATH."; exit 2; }
	@echo "Setting up $(VENV) (once) ..."
	@if command -v uv >/dev/null 2>&1; then \
		uv venv -q --allow-existing --python "$(PYTHON)" $(VENV) && \
		uv pip install -q --python $(BIN)/python --require-hashes -r $(LOCK) && \
		uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
		"$(PYTHON)" -m venv $(VENV) && \
		$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(LOCK) && \
		$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
	@touch $(STAMP)
