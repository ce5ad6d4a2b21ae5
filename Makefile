.DEFAULT_GOAL := help
.PHONY: help run test test-install test-all test-postgresql test-fuzz faults check check-web sbom bench bench-equality explain schema migration doctor lock graphiql web web-build test-web drill format mutants

PYTHON ?= python3
BIN := .venv/bin
# Bytecode is written: the tests start many processes, and each would compile every module anew.
export PYTHONDONTWRITEBYTECODE :=
# Which tests of the last run are run again, as pytest's options; .ci/run says when.
AGAIN ?=

help: ## What can be done here.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.venv/.run: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.run
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: .venv/.run ## Install what is needed, migrate, and serve on port 8000.
	@$(BIN)/gateway serve

ifdef ONE
test: .venv/.dev ## Install what the tests need and run all of them; ONE=tests/api/test_login.py runs that alone.
	$(BIN)/pytest $(ONE)
else
test: test-install test-all test-postgresql test-fuzz
endif

test-install: .venv/.dev
	tests/install.sh

test-all: .venv/.dev
	$(BIN)/pytest -n 2 --dist worksteal --ignore tests/fuzz --ignore tests/web_client $(AGAIN)

test-postgresql: .venv/.dev
	$(BIN)/pytest -n 2 --dist worksteal --database postgresql --statements tests/api $(AGAIN)

test-fuzz: .venv/.dev # In one process: the fields' tests share one name, and xdist would run one of them.
	$(BIN)/pytest tests/fuzz $(AGAIN)

faults: .venv/.dev ## Kill processes during 2,000 payments, and play 600 stories, on each database.
	tests/install.sh
	KILL_TEST_PAYMENTS=2000 $(BIN)/pytest -s tests/faults/test_killed_processes.py
	MACHINE_STORIES=100 $(BIN)/pytest -n 2 tests/faults/test_money_moves_once.py tests/faults/test_cards_are_charged_once.py tests/faults/test_plans_are_billed_once.py

bench-equality: .venv/.dev ## Have plans and graphql-core answer 20,000 documents drawn from the schema, on both databases; hours.
	PLAN_DOCUMENTS=20000 $(BIN)/pytest tests/fuzz/test_plans.py
	PLAN_DOCUMENTS=20000 $(BIN)/pytest tests/fuzz/test_plans.py --database postgresql

drill: .venv/.dev ## Play every promise of docs/reliability.md and print which are kept; an hour. WORDS="Redis doubt" plays those.
	tests/install.sh
	$(BIN)/python -m tests.drill.run $(WORDS)

mutants: .venv/.dev ## Put each fault of tests/mutants in, and see the tests that it names fail; half an hour. NAMES="a b" plays those.
	tests/install.sh
	$(BIN)/python -m tests.mutants.run $(NAMES)

bench: .venv/.dev ## All figures of docs/reliability.md; half an hour.
	tests/install.sh
	$(BIN)/python -m bench.push 5
	$(BIN)/python -m bench.push 20
	$(BIN)/python -m bench.queue
	$(BIN)/python -m bench.scale
	$(BIN)/python -m bench.cores
	$(BIN)/python -m bench.operations 20
	$(BIN)/python -m bench.timeline
	$(BIN)/python -m bench.documents 2000
	$(BIN)/python -m bench.subscriptions 5000
	$(BIN)/python -m bench.restart 5000
	$(BIN)/python -m bench.soak

explain: .venv/.dev ## Look at the plan of every query at a million rows, on the tests' PostgreSQL; a quarter of an hour.
	$(BIN)/python -m bench.explain

check: .venv/.dev ## Style, types, architecture, the exported schemas, documents and built files, licences, secrets.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/gateway schema check
	$(BIN)/gateway openapi check
	$(BIN)/gateway errors check
	$(BIN)/python -m tests.house.secret_scan
	$(BIN)/pytest tests/house

# A tool of its own, beside the libraries: it pins some of those that the tests need.
sbom: .venv/.dev ## List all that is shipped, as CycloneDX: var/sbom.cdx.json (fetches a tool).
	@mkdir -p var
	$(BIN)/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements.lock \
		--pyproject pyproject.toml --output-reproducible --output-file var/sbom.cdx.json

check-web: ## Lint and compile the schema with front ends' tools (needs Node).
	tests/web/check.sh

format: .venv/.dev ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: .venv/.run ## Export schema/schema.graphql, routes/openapi.json and docs/errors.md.
	$(BIN)/gateway schema export
	$(BIN)/gateway openapi export
	$(BIN)/gateway errors export

doctor: .venv/.run ## Check settings and connections.
	$(BIN)/gateway doctor

migration: .venv/.dev ## Write a migration from what changed in db/tables/: NAME=payment_note SAYS="A payment has a note."
	@$(BIN)/python -m db.migrations.write "$(NAME)" "$(SAYS)"

lock: .venv/.dev ## Pin every dependency anew, by hash and without addresses.
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --group build pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --group build --extra dev --constraint requirements.lock pyproject.toml \
		--output-file requirements-dev.lock

graphiql: ## Build GraphiQL's files anew (needs Node).
	cd graphiql && npm ci && npm run build

web: ## Serve the reference client on port 5173 against a gateway on 8000, and build it anew at each change (needs Node).
	cd clients/web && npm ci && npm run dev

web-build: ## Build the reference client's files anew (needs Node).
	cd clients/web && npm ci && npm run build

test-web: test-install ## Check the reference client, and play it in a browser (needs Node).
	clients/web/check.sh
	$(BIN)/pytest -n 2 tests/web_client $(AGAIN)
