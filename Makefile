# These commands do everything on a fresh machine with Python 3.11+, a C compiler and make:
#   make demo    trains, cross-validates and tunes on real data; DATA=file reports on your own,
#                with TARGET=name and OPTIONS="..." of python -m sklearn_set
#   make test    runs all tests, by as many processes as there are processors; make test-quick some
#   make test-oldest, make test-newest   run quick tests with the oldest and the newest versions of
#                all that is needed, each in an environment of its own; QUICK= for slow ones, too
#   make doc     builds the documentation site, gallery included, in doc/_build/html; SITE=folder
#                keeps it there beside the sites of other versions
#   make sanitize, make sanitize-threads   run kernels that watch memory, and threads, on Linux
# They make their own virtual environment in .venv and install what they need there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := setup.py pyproject.toml $(wildcard sklearn_set/_core/*.pyx sklearn_set/_core/*.p* sklearn_set/_core/*.h)

DATA ?=
TARGET ?=
OPTIONS ?=
TESTS ?= tests
SITE ?=
SPHINXOPTS ?=
WORKERS ?= logical
IN_PARALLEL = -n $(WORKERS) --dist loadgroup

# Kernels under a sanitizer: a library of their own, in build/, ahead of the installed package.  The
# interpreter is not watched, so it must load the sanitizer first.  LLVM's OpenMP tells the sanitizer
# of threads, by libarcher, what waits for what; GCC's says nothing, and all would look like a race.
CLANG ?= clang
KERNEL_TESTS := $(addprefix tests/test_,rows.py step.py step_threads.py topology.py pruning.py growth.py splice.py evolution.py products.py probe.py gradient.py)
BUILD_WATCHED = $(BIN)/python setup.py --quiet build --build-base build/$@ --build-lib build/$@/lib
WATCHED = env PYTHONPATH=build/$@/lib:tests PYTHONMALLOC=malloc
WATCH_MEMORY = $(WATCHED) LD_PRELOAD=$$(gcc -print-file-name=libasan.so) \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1
WATCH_THREADS = $(WATCHED) LD_PRELOAD=$$(gcc -print-file-name=libtsan.so) \
	TSAN_OPTIONS="ignore_noninstrumented_modules=1 halt_on_error=1" \
	OMP_TOOL_LIBRARIES=$$(dirname $$(readlink -f $$(command -v $(CLANG))))/../lib/libarcher.so

.PHONY: demo test test-quick test-oldest test-newest doc lint clean sanitize sanitize-threads

demo: $(VENV)/installed$(if $(DATA),-for-report)
	$(BIN)/python $(if $(DATA),-m sklearn_set "$(DATA)" $(if $(TARGET),--target "$(TARGET)") $(OPTIONS),doc/examples/demo.py)

test: $(VENV)/installed-for-tests
	$(BIN)/python -m pytest $(IN_PARALLEL) $(TESTS)

test-quick: $(VENV)/installed-for-tests
	$(BIN)/python -m pytest $(IN_PARALLEL) -m "not slow" $(TESTS)

# The oldest versions that pyproject.toml allows; they warn of what newer ones around them drop.
# The tests must say what they skip there, and why.
OLDEST := .venv-oldest
OLDEST_PYTHON ?= python3.11
NEWEST := .venv-newest
QUICK ?= -m "not slow"
WITH_UV = uv pip install --quiet --python $(1)/bin/python --editable ".[all]" --group test

test-oldest: $(OLDEST)/installed-for-tests
	$(OLDEST)/bin/python -m pytest $(IN_PARALLEL) $(QUICK) -W ignore::DeprecationWarning $(TESTS)

$(OLDEST)/installed-for-tests: $(SOURCES)
	$(OLDEST_PYTHON) -m venv --clear $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet "uv>=0.8"
	@echo "Installing the oldest versions in $(OLDEST), and compiling the kernels: two to five minutes ..."
	$(OLDEST)/bin/$(call WITH_UV,$(OLDEST)) --resolution lowest-direct
	touch $@

# What .venv has was the newest when it was made.
test-newest:
	test -x $(NEWEST)/bin/python || $(PYTHON) -m venv $(NEWEST)
	$(NEWEST)/bin/python -m pip install --quiet --upgrade "uv>=0.8"
	@echo "Installing the newest versions in $(NEWEST), and compiling the kernels: two to five minutes ..."
	$(NEWEST)/bin/$(call WITH_UV,$(NEWEST)) --upgrade
	$(NEWEST)/bin/python -m pytest $(IN_PARALLEL) $(QUICK) $(TESTS)

sanitize: $(VENV)/installed-for-tests
	CC=gcc SKLEARN_SET_SANITIZE=address $(BUILD_WATCHED)
	! $(WATCH_MEMORY) $(BIN)/python tests/attack/small_fits.py --wrong memory 2>/dev/null
	$(WATCH_MEMORY) $(BIN)/python tests/attack/small_fits.py
	$(WATCH_MEMORY) $(BIN)/pytest -m "not slow" $(KERNEL_TESTS)

sanitize-threads: $(VENV)/installed-for-tests
	CC=$(CLANG) LDSHARED="$(CLANG) -shared" SKLEARN_SET_SANITIZE=thread $(BUILD_WATCHED)
	! $(WATCH_THREADS) $(BIN)/python tests/attack/small_fits.py --wrong threads 2>/dev/null
	$(WATCH_THREADS) $(BIN)/python tests/attack/small_fits.py --n-jobs 2,4

doc: $(VENV)/installed-for-doc
	@echo "Building the documentation and running the examples of its gallery: two to five minutes."
	$(BIN)/sphinx-build -W --keep-going $(SPHINXOPTS) doc doc/_build/html
	$(if $(SITE),$(BIN)/python doc/versions.py "$(SITE)")
	@echo "The front page is doc/_build/html/index.html."

lint: $(VENV)/installed-for-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint sklearn_set
	$(BIN)/mypy
	@if command -v node >/dev/null; then $(BIN)/pyright --pythonpath $(BIN)/python tests/typing; \
	else echo "pyright is left out: it needs Node.js."; fi

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=...")'
	@echo "Making a virtual environment in $(VENV): half a minute."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip setuptools "cython>=3.1,<4"

$(VENV)/installed: $(BIN)/python $(SOURCES)
	@echo "Installing sklearn_set in $(VENV) and compiling the kernels: two to five minutes ..."
	$(BIN)/python -m pip install --no-build-isolation --editable .
	touch $@

$(VENV)/installed-for-report: $(BIN)/python $(SOURCES)
	@echo "Installing sklearn_set and what reports need in $(VENV), and compiling the kernels: two to five minutes ..."
	$(BIN)/python -m pip install --no-build-isolation --editable ".[report]"
	touch $(VENV)/installed $@

$(VENV)/installed-for-tests: $(VENV)/installed
	@echo "Installing what the tests need in $(VENV)."
	$(BIN)/python -m pip install --quiet --group test
	touch $@

$(VENV)/installed-for-doc: $(VENV)/installed
	@echo "Installing what the documentation needs in $(VENV)."
	$(BIN)/python -m pip install --quiet --group doc
	touch $@

$(VENV)/installed-for-lint: $(BIN)/python
	@echo "Installing the linters in $(VENV)."
	$(BIN)/python -m pip install --quiet --group lint
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) $(NEWEST) build *.egg-info doc/_build doc/auto_examples doc/generated doc/reference_tables.rst sklearn_set/_core/*.c sklearn_set/_core/*.so sklearn_set/_core/*.html
