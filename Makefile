# Everything a person or a machine does with imagehub, each in one command.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
DATA   ?= imagehub-data
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup web run demo test check fix types lint bench bench-peers schema compat migration lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | column -t -s '|'

$(VENV)/.ready: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "imagehub needs Python 3.11 or newer; set PYTHON=…" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -qq --require-hashes -r requirements.lock
	$(BIN)/pip install -qq --no-deps --no-build-isolation -e .
	@touch $@

web/static/.ready: web/package-lock.json web/package.json web/vite.config.ts web/index.html web/graphiql.html $(shell find web/src -type f 2>/dev/null)
	@if command -v npm >/dev/null; then \
	  cd web && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build && touch static/.ready; \
	else \
	  echo "Node 20 and npm were not found: the hub runs, without its web page and GraphiQL." >&2; \
	fi

setup: $(VENV)/.ready web/static/.ready ## Install everything that is missing

web: web/static/.ready ## Build the web page and GraphiQL

run: setup ## Serve on 127.0.0.1:8000, with the demo on first start
	@test -e $(DATA)/demo.json || $(BIN)/imagehub demo --data $(DATA)
	@$(BIN)/imagehub serve --data $(DATA)

demo: setup ## Fill the data folder with the demo; safe to repeat
	$(BIN)/imagehub demo --data $(DATA)

check: $(VENV)/.ready ## Format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup ## Check, then test on SQLite and on PostgreSQL, in a browser too
	bash tests/system-packages
	$(MAKE) check
	cd web && npm run --silent lint && npm run --silent test
	$(BIN)/pytest -n auto --dist loadgroup --durations 15

fix: $(VENV)/.ready ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: $(VENV)/.ready ## Write schema/schema.graphql
	$(BIN)/imagehub schema > schema/schema.graphql

migration: $(VENV)/.ready ## Draft a migration: make migration MESSAGE="what changed"
	$(BIN)/python -c "import asyncio; from store.migrations.run import draft; print(asyncio.run(draft('$(MESSAGE)', 'sqlite+aiosqlite:///$(DATA)/imagehub.sqlite')))"

bench: setup ## Measure against bare limits and, where installed, named peers
	$(BIN)/python -m bench

bench-peers: $(VENV)/.ready ## Install the peers that bench compares with, each by itself
	bash bench/install-peers

compat: setup ## Hold the conversations of other systems' clients; write docs/compat
	$(BIN)/pytest tests/compat tests/api/omero tests/api/cytomine --ignore tests/compat/test_pages.py --compat-report docs/compat

lock: ## Write requirements.lock anew from pyproject.toml
	uv pip compile pyproject.toml --extra dev --python-version 3.11.7 --only-binary :all: --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -q -o requirements.lock

clean: ## Remove what was built and installed here; data stay
	rm -rf $(VENV) web/node_modules web/static .mypy_cache .ruff_cache .pytest_cache
