# RetailHub. Needs Python 3.11 and make; everything else it installs itself into .venv.
# Pass options with ARGS, as in: make demo ARGS="--orders 200 --seed 7 --exit --json"

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PY := .venv/bin/python
BOOTSTRAP := $(PYTHON) retailhub/sandbox/bootstrap.py
# Runs a command with an embedded PostgreSQL and Valkey of its own, removed afterwards.
THROWAWAY := $(PY) -m retailhub.sandbox.throwaway
# Settings of a developer's machine; mypy and the tests read them too.
DEVELOPMENT := RETAILHUB_DEBUG=yes
# Settings as in production, with secrets made for this one check.
PRODUCTION = RETAILHUB_DEBUG=no RETAILHUB_ALLOWED_HOSTS=hub.example.com \
	RETAILHUB_SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))') \
	RETAILHUB_ENCRYPTION_KEYS=check:$$($(PY) -c 'from cryptography.fernet import Fernet as F; print(F.generate_key().decode())')
SOURCES := manage.py retailhub integrations inventory orders reconciliation tests
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo run test test-long check lint types imports migrations deploy bench pins screenshots packages packages-dev

help: ## Lists these targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  Options go through ARGS, as in: make demo ARGS="--orders 200 --exit --json"'

demo: packages ## Starts the whole product with a store and an ERP that look real, and stays until Ctrl-C.
	@$(PY) manage.py demo $(ARGS)

run: packages ## Starts web, workers and schedule for development, and stays until Ctrl-C.
	@$(PY) manage.py run $(ARGS)

test: packages-dev ## Runs the tests, all but the long ones.
	@$(PY) -m pytest -n 2 -m "not long" $(ARGS)

test-long: packages-dev ## Runs the tests that take longer than ten minutes together.
	@$(PY) -m pytest -m long $(ARGS)

check: lint types imports migrations deploy ## Checks style, types, layers, migrations and production settings.

lint: packages-dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: packages-dev
	@$(DEVELOPMENT) DATABASE_URL=postgresql://localhost/never-asked $(PY) -m mypy $(SOURCES)

imports: packages-dev
	@.venv/bin/lint-imports --no-logo

migrations: packages-dev
	@$(DEVELOPMENT) $(THROWAWAY) sh -c \
		'$(PY) manage.py makemigrations --check --dry-run && $(PY) -m tests.lint_migrations'

deploy: packages-dev
	@$(PRODUCTION) $(THROWAWAY) $(PY) manage.py check --deploy --fail-level WARNING

bench: packages ## Measures the product on this machine; ARGS=--json ends with one JSON object.
	@$(PY) manage.py bench $(ARGS)

screenshots: packages-dev ## Makes the pictures in docs/img anew, with the system's Chromium.
	@$(PY) -m tests.browser.screenshots

pins: ## Compiles requirements.txt and requirements-dev.txt anew from pyproject.toml.
	@$(BOOTSTRAP) pins

packages:
	@$(BOOTSTRAP) runtime

packages-dev:
	@$(BOOTSTRAP) dev
