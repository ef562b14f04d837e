# Everything runs from the checkout and from .venv, which the first target that needs it makes.
# Variables that the commands read: see `make help`; each may stand on the command line.

PYTHON ?= python3
VENV_PYTHON := .venv/bin/python
# For what installs nothing.
ANY_PYTHON := $(firstword $(wildcard $(VENV_PYTHON)) $(PYTHON))
T ?= tests
PYTHON_IMAGE ?= python:3.13-slim
IMAGE_PYTHON ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.13.*/bin/python) python3.13)
IMAGE_VENV := .devstack/image-python
VERSION = $(shell sed -n 's/^VERSION = "\(.*\)"/\1/p' shared/version.py)

.DEFAULT_GOAL := help
.PHONY: help env env-devstack run dev up down status logs psql test test-image-python test-providers chaos format check bench migrate schemas lock images sbom clean
.SILENT:

help: ## Show this list
	sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24
	echo
	echo '  Ports: API_PORT ADMIN_PORT POSTGRES_PORT KAFKA_PORT (0 picks a free one). Processes: API_PROCESSES WORKERS.'
	echo '  DATABASE_URL or KAFKA_BOOTSTRAP_SERVERS: use that server. STATE_DIR: another stack beside this one.'

env: # .venv, as requirements-dev.lock says
	$(PYTHON) -m devstack.bootstrap dev

env-devstack: # .venv, with what a stack needs
	$(PYTHON) -m devstack.bootstrap devstack

run: env-devstack ## Start everything, show an example request, serve until Ctrl-C
	$(VENV_PYTHON) -m devstack run --with-parent

dev: env-devstack ## Start everything, and restart the services whenever their source changes
	$(VENV_PYTHON) -m devstack dev --with-parent

up: env-devstack ## Start everything in the background; the last line describes it as JSON
	$(VENV_PYTHON) -m devstack up

down: ## End what `make up` or `make run` has started
	$(ANY_PYTHON) -m devstack.control down

status: ## Show what runs, and whether it is ready
	$(ANY_PYTHON) -m devstack.control status

logs: ## Show the ends of the logs; on a terminal, follow them
	$(ANY_PYTHON) -m devstack.control logs

psql: ## Open the database of the stack
	$(ANY_PYTHON) -m devstack.control psql

test: env ## Run the tests (T=path narrows)
	$(VENV_PYTHON) -m pytest $(T)

test-image-python: env ## Test on the Python of the images, where it is there (IMAGE_PYTHON)
	if ! $(IMAGE_PYTHON) -c '' 2>/dev/null; then echo 'The Python of the images is not installed: no test runs on it.'; exit; fi; \
	.venv/bin/uv venv --quiet --allow-existing --python $(IMAGE_PYTHON) $(IMAGE_VENV) && \
	VIRTUAL_ENV=$(IMAGE_VENV) .venv/bin/uv pip sync --quiet --system-certs --require-hashes requirements-dev.lock && \
	$(IMAGE_VENV)/bin/python -m pytest tests/unit tests/integration/test_submit_and_read.py

test-providers: env ## Test the providers against a real model server, built once
	$(VENV_PYTHON) -m tests.support.llama_server
	$(VENV_PYTHON) -m pytest tests/providers

chaos: env ## Break a stack at random and audit its books (SEEDS=n, SEED=n alone, WORKERS=n)
	$(VENV_PYTHON) -m tests.chaos

format: env ## Format the source, and mend what can be mended
	.venv/bin/ruff check --quiet --fix-only .
	.venv/bin/ruff format --quiet .

check: env ## Check format, style, types, imports and the exported schemas
	.venv/bin/ruff format --check --quiet .
	.venv/bin/ruff check --quiet .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(VENV_PYTHON) -m schemas --check

bench: env ## Measure what a request costs (QUICK=1: the counters alone; FIGURES="submit drain")
	$(VENV_PYTHON) -m benchmarks $(if $(QUICK),--quick) $(FIGURES)

migrate: env ## Bring the schema of DATABASE_URL up to date
	$(VENV_PYTHON) -m migrations

schemas: env ## Export the JSON Schemas
	$(VENV_PYTHON) -m schemas

COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--system-certs --no-emit-index-url --no-emit-find-links --no-header
OF_PROJECT := pyproject.toml --extra all

lock: env ## Compile the lock files again: runtime, devstack and dev, each holding the one before
	$(COMPILE) $(OF_PROJECT) -o requirements.lock
	$(COMPILE) $(OF_PROJECT) --group devstack -c requirements.lock -o requirements-devstack.lock
	$(COMPILE) $(OF_PROJECT) --group dev -c requirements-devstack.lock -o requirements-dev.lock
	$(COMPILE) tests/model_servers/requirements.in -o tests/model_servers/requirements.lock

images: ## Build the images of a release, on PYTHON_IMAGE by its digest
	docker pull --quiet $(PYTHON_IMAGE)
	for target in api worker; do \
		docker build --target $$target --tag generation-$$target:$(VERSION) \
			--build-arg VERSION=$(VERSION) --build-arg REVISION="$$(git rev-parse HEAD)" \
			--build-arg PYTHON_IMAGE="$$(docker image inspect --format '{{index .RepoDigests 0}}' $(PYTHON_IMAGE))" \
			. || exit 1; \
	done

sbom: env ## Write what the images install, as CycloneDX, to sbom.json
	.venv/bin/uvx --quiet --system-certs --from cyclonedx-bom==7.5.0 cyclonedx-py requirements \
		--pyproject pyproject.toml --output-reproducible --of JSON -o sbom.json requirements.lock

clean: ## End the stack and delete what make has made
	$(ANY_PYTHON) -m devstack.clean
