# 守望 Shouwang. `make help` says what there is.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FLASK := $(BIN)/flask --app app
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help run test check fix bench web worker

help: ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(VENV)/.run: requirements/run.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

run: $(VENV)/.run ## Everything, with invented people and cases: http://127.0.0.1:8000 (PORT=…)
	@$(BIN)/python -c 'from app.web.build import main; raise SystemExit(main())'
	@DEMO=1 $(FLASK) serve --demo

test: $(VENV)/.dev ## All tests: SQLite, PostgreSQL and a browser (brings what it needs)
	@tests/provide
	@$(BIN)/python -c 'from app.web.build import main; raise SystemExit(main())'
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev ## Linters, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check app tests
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/.dev ## What the linters can mend by themselves
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format app tests

bench: $(VENV)/.dev ## Figures: one JSON line each
	@tests/provide
	@$(BIN)/python -m tests.bench

web: $(VENV)/.run ## The web server alone, on DATABASE_URL
	@$(BIN)/python -c 'from app.web.build import main; raise SystemExit(main())'
	$(FLASK) serve --web

worker: $(VENV)/.run ## One worker for deadlines and deliveries, on DATABASE_URL
	$(FLASK) worker
