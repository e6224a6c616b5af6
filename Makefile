# These commands do everything on a fresh machine with Python 3.11+, a C compiler and make:
#   make demo    trains, cross-validates and tunes on real data; DATA=file for your own
#   make test    runs the tests
#   make doc     builds the documentation site, gallery included, in doc/_build/html
# They make their own virtual environment in .venv and install what they need there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := setup.py pyproject.toml $(wildcard sklearn_set/_core/*.pyx sklearn_set/_core/*.p* sklearn_set/_core/*.h)

DATA ?=
TARGET ?=
TESTS ?= tests

.PHONY: demo test doc lint clean

demo: $(VENV)/installed $(if $(DATA),$(VENV)/installed-for-files)
	$(BIN)/python doc/examples/demo.py $(if $(DATA),--data "$(DATA)") $(if $(TARGET),--target "$(TARGET)")

test: $(VENV)/installed-for-tests
	$(BIN)/python -m pytest $(TESTS)

doc: $(VENV)/installed-for-doc
	$(BIN)/sphinx-build -W --keep-going doc doc/_build/html
	@echo "The front page is doc/_build/html/index.html."

lint: $(VENV)/installed-for-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint sklearn_set

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip setuptools "cython>=3.1,<4"

$(VENV)/installed: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable .
	touch $@

$(VENV)/installed-for-files: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group files
	touch $@

$(VENV)/installed-for-tests: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group test
	touch $@

$(VENV)/installed-for-doc: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group doc
	touch $@

$(VENV)/installed-for-lint: $(BIN)/python
	$(BIN)/python -m pip install --quiet --group lint
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info doc/_build doc/auto_examples doc/generated doc/reference_tables.rst sklearn_set/_core/*.c sklearn_set/_core/*.so sklearn_set/_core/*.html
