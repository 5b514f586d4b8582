# Two commands: `make demo` and `make test`. Each makes .venv if it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=
STAMP := $(VENV)/.installed

.PHONY: demo test lint types unit install
.DEFAULT_GOAL := help

help:
	@echo "make demo                        build the sample library, answer a question, open the chat page"
	@echo "make demo DEMO_ARGS=--no-serve   the same, and stop after the answer"
	@echo "make test                        lint, types, tests"

install: $(STAMP)

# constraints.txt pins what was tested. A pip that is offered a CPU build of torch takes it,
# because the local version 2.13.0+cpu satisfies ==2.13.0 and sorts above it.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or newer is needed"; echo "hint: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP)
	$(BIN)/vademecum demo $(DEMO_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The folders become one package only when installed, so mypy reads an installed copy.
types: $(STAMP)
	@rm -rf build
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target build/typed .
	MYPYPATH=build/typed $(BIN)/mypy -p vademecum

unit: $(STAMP)
	$(BIN)/python -m pytest

test: lint types unit
