# `make help` lists the targets. Each makes its own .venv first; the second time that is no work.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
PYTHON_FILES := consumer projectors tests benchmarks docs deploy

.DEFAULT_GOAL := help
.PHONY: help demo check test test-kubernetes cluster-up cluster-down bench docs image sbom audit lock clean

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## a year of real flights becomes a read model, and is checked (ARGS="--kill", "--kafka")
	@$(BIN)/projections demo $(ARGS)

check: $(STAMP) ## format, lint, types, architecture, docstrings, unit tests, the simulation: under a minute
	@$(BIN)/ruff format --check --quiet $(PYTHON_FILES)
	@$(BIN)/ruff check --quiet --output-format concise $(PYTHON_FILES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/interrogate --quiet consumer projectors
	@$(BIN)/pytest -q -n 2 tests/unit tests/simulation tests/architecture

test: $(STAMP) ## every test, against real servers (what the PATH, Docker or PyPI can give)
	@$(BIN)/pytest -q -n 2 --dist loadfile

test-kubernetes: $(STAMP) ## stories on a real Kubernetes: KUBECONFIG's, else kind, else a node built here (as root)
	@$(BIN)/pytest -q --timeout 600 -o timeout_func_only=true tests/kubernetes

cluster-up: $(STAMP) ## a Kubernetes of this machine (as root): eval "$(make cluster-up)", then kubectl and helm
	@$(BIN)/python -m tests.cluster up

cluster-down: $(STAMP) ## stops it and removes what it made
	@$(BIN)/python -m tests.cluster down

bench: $(STAMP) ## ours against the limit of the clients, as a table and build/bench.json
	@$(BIN)/python -m benchmarks

docs: $(STAMP) ## the site, in build/site; pages that are made from the code are renewed
	@$(BIN)/python -m docs.generate
	@$(BIN)/sphinx-build -q -W --keep-going -d build/doctrees docs build/site
	@echo "build/site/index.html"

image: ## the image IMAGE (projection-consumer:VERSION), labelled with the commit, by docker or podman
	@engine=$$(for each in docker podman; do $$each info >/dev/null 2>&1 && echo $$each && break; done); \
	test -n "$$engine" || { echo "Neither docker nor podman answers: an image needs one of them." >&2; exit 1; }; \
	version=$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml); \
	changed=$$(test -z "$$(git status --porcelain)" || echo -dirty); \
	$$engine build --tag "$${IMAGE:-projection-consumer:$$version}" \
		--build-arg VERSION="$$version" \
		--build-arg REVISION="$$(git rev-parse HEAD)$$changed" \
		--build-arg SOURCE="$$(git config --get remote.origin.url | sed 's,//[^/]*@,//,')" \
		--build-arg CREATED="$$(git log -1 --format=%cI)" .

sbom: $(STAMP) ## what the image is made of, as CycloneDX: build/sbom.json
	@$(BIN)/python deploy/image/sbom.py build/sbom.json

audit: $(STAMP) ## known vulnerabilities of what the image is made of
	@$(BIN)/python deploy/image/audit.py

LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --quiet --custom-compile-command "make lock"

lock: $(STAMP) ## renew the locks from pyproject.toml: of development, of the image, and of what builds it
	@$(BIN)/pip install --quiet 'uv>=0.9,<1'
	@$(LOCK) pyproject.toml --all-extras --group dev --upgrade --output-file requirements.lock
	@$(LOCK) pyproject.toml --extra postgres --extra schema-registry --constraint requirements.lock --output-file requirements-image.lock
	@$(LOCK) --group build --constraint requirements.lock --output-file requirements-build.lock

clean: ## remove what the other targets made
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is %d.%d. Name another: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	@echo "Installing into .venv (once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
