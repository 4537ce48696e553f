# Two commands set everything up: `make app` and `make test`. Both go through `make setup`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 7860
export PORT
export GRADIO_ANALYTICS_ENABLED := False
export HF_HUB_DISABLE_TELEMETRY := 1

.PHONY: setup setup-dev chromium app lint test train-smoke fmt traces notebooks clean

setup: $(VENV)/.installed
setup-dev: $(VENV)/.installed-dev

$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 10) <= v < (3, 14) else "depcap needs Python 3.10 to 3.13; set PYTHON=python3.x")'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv is missing: apt-get install python3-venv"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

chromium:
	@scripts/ensure_chromium.sh

app: setup
	$(BIN)/python app.py

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup-dev chromium lint
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not slow and not gpu" \
		--nbmake --nbmake-timeout=60 tests notebooks

train-smoke: setup-dev
	$(BIN)/python -m pytest -q tests/test_training.py

fmt: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

traces: setup
	$(BIN)/python -m scripts.record_traces

notebooks: setup-dev chromium
	$(BIN)/jupytext --quiet --to ipynb --execute --set-kernel python3 notebooks/*.py

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
