# make demo    train a committee on handwritten digits and show what comes out
# make test    lint, type check and import contract of the installed wheel, tests
# make docs    the documentation site, in docs/_build/html
# make bench   speed and memory, side by side with peers (half an hour; FER2013 from ZOO_DATA)
# make clean   remove the environment and what was built

PYTHON ?= python3
# Relative, so that a path with spaces does no harm.
VENV = .venv
BIN = $(VENV)/bin
PYTEST = MALLOC_ARENA_MAX=2 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal
# TensorFlow keeps what it has compiled, so that workers grow. Each part of the tests has new workers,
# so that no worker takes more than 2 GB of memory.

.PHONY: demo test docs bench clean

demo: $(VENV)/installed
	$(BIN)/python -m zoo committee bn_mlp lasso_mlp deep_mlp --data digits

test: $(VENV)/installed-dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	rm -rf build
	$(BIN)/python -m pip install --quiet --no-deps --target build/wheel .
	cd build && MYPYPATH=wheel "$(CURDIR)/$(BIN)/python" -m mypy --config-file ../pyproject.toml -p zoo
	cd build && PYTHONPATH=wheel "$(CURDIR)/$(BIN)/lint-imports" ../pyproject.toml
	$(PYTEST) tests/zoo/layers tests/zoo/gradients
	$(PYTEST) tests/zoo/models tests/zoo/inspect
	$(PYTEST) tests/zoo/training tests/zoo/tuning
	$(PYTEST) tests/zoo/experiments
	$(PYTEST) tests/zoo $(addprefix --ignore tests/zoo/,layers gradients models inspect training tuning experiments)
	$(PYTEST) tests/ensembles
	$(PYTEST) tests/test_docs.py
	$(PYTEST) tests $(addprefix --ignore tests/,zoo ensembles test_docs.py)

docs: $(VENV)/installed-docs
	rm -rf docs/_build docs/api docs/models
	$(BIN)/python -m sphinx -W --keep-going --quiet -b html docs docs/_build/html

bench: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks all

$(VENV)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch $@

$(VENV)/installed-bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[bench]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info docs/_build docs/api docs/models
