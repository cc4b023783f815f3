# up · test · test-spark · cover · check · repro · bench · lock — each alone creates what it needs.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DO_NOT_TRACK := 1
export DVC_NO_ANALYTICS := 1
export OPENBLAS_NUM_THREADS := 1

.PHONY: up test test-spark cover check repro bench bench-netflix lock spark

up: .venv/ready            ## the demo world, the pipeline on it, and all that runs, until Ctrl-C
	@marquee up --check
	@dvc repro --quiet
	@marquee events add
	@marquee status
	@marquee up

TESTS := python -m pytest -n 2 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder
test: check                ## everything that must hold
	@$(TESTS)

cover: .venv/ready         ## the same with every line and branch counted, in half as much time again
	@$(TESTS) --cov --cov-report=term

test-spark: spark          ## the same work on a cluster: a real one of two workers, on Java 17 or newer
	@python -m pytest --timeout 600 tests/spark

check: .venv/ready         ## lint, format, types, import rules, house rules
	@ruff check .
	@ruff format --check .
	@mypy
	@lint-imports
	@python -m pytest tests/test_house.py

repro: .venv/ready         ## data -> tables, whatever is not up to date
	@dvc repro --quiet

bench: .venv/ready         ## every benchmark: each prints ratios measured side by side in one run
	@for script in $(filter-out benchmarks/netflix.py,$(wildcard benchmarks/*.py)); do echo "== $$script"; python $$script || exit 1; done

bench-netflix: .venv/ready ## the whole pipeline on 100 million ratings, stage by stage: most of an hour, 10 GB
	@python benchmarks/netflix.py

spark: .venv/spark         ## what `engine: spark` in params.yaml needs besides

# uv is in the lock itself: pip installs that one line with its hashes, uv installs the rest in seconds.
.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Marquee needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv .venv
	@awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > .venv/uv.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.venv/spark: .venv/ready requirements.spark.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.spark.lock
	@touch $@

COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-header --quiet
lock:                      ## resolve pyproject.toml anew; every version, hashed, no addresses
	@$(COMPILE) pyproject.toml --group loop --group dev -o requirements.lock
	@$(COMPILE) pyproject.toml --no-annotate --constraints requirements.lock -o requirements.serving.lock
	@$(COMPILE) --group pyproject.toml:spark --no-annotate --constraints requirements.lock -o requirements.spark.lock
