# Two commands: `make demo` and `make test`. Each makes .venv if it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=
STAMP := $(VENV)/.installed
# Triton is for Linux alone. Of it the tests have a folder of its own: nothing here needs it, and a
# PyTorch for GPUs brings the one that it was built with.
TRITON := $(VENV)/triton
LINUX := $(filter Linux,$(shell uname -s))

.PHONY: help install demo test lint types unit kernels slow slow-kernels coverage chromium constraints bench-engine bench-long bench-quantizing bench-pages bench-start bench-reading bench-ingesting bench-committing bench-loading bench-embedding bench-retrieval
.DEFAULT_GOAL := help

help:
	@echo "make demo                        build the sample library, answer a question, open the chat page"
	@echo "make demo DEMO_ARGS=--no-serve   the same, and stop after the answer"
	@echo "make test                        lint, types, tests"
	@echo "make kernels                     the GPU's kernels, interpreted and emulated"
	@echo "make slow                        tests that take minutes: kills, Ray's workers, damaged files, large kernels"
	@echo "make coverage                    how much of model/ its tests reach"
	@echo "make bench-engine                speed beside transformers (LLAMA_PYTHON=...: and llama.cpp)"
	@echo "make bench-long TEXT=FILE        what sparse attention finds in long texts, perplexity, memory"
	@echo "make bench-quantizing TEXT=FILE  what fewer bits cost"
	@echo "make bench-pages TEXT=FILE       which score of a page foresees its attention"
	@echo "make bench-start                 from nothing to ready, beside transformers"
	@echo "make bench-reading               how fast PubMed files are read, beside bare lxml"
	@echo "make bench-ingesting FILES=...   PubMed files into a library, beside the plain way"
	@echo "make bench-committing FILE=...   a PubMed file by Ray's workers: what one process commits"
	@echo "make bench-loading               how fast vectors go into Chroma, a Chroma server and Milvus"
	@echo "make bench-retrieval DATA=...    what is found: a BEIR set, and captions by what cites them"
	@echo "make bench-embedding             passages a second beside sentence-transformers (SCIFACT=FOLDER: quality)"

install: $(STAMP)

# constraints.txt pins what was tested. A pip that is offered a CPU build of torch takes it,
# because the local version 2.13.0+cpu satisfies ==2.13.0 and sorts above it.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or newer is needed"; echo "hint: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import pathlib, shutil, sys; at = pathlib.Path("$(VENV)").absolute(); \
		sys.exit(shutil.disk_usage(next(p for p in (at, *at.parents) if p.exists())).free < 5e9)' \
		|| { echo "error: less than 5 GB are free for $(VENV), which takes 3.4"; \
			echo "hint: make VENV=FOLDER $(MAKECMDGOALS), of another disk"; exit 1; }
	@echo "installing into $(VENV): some 3.4 GB, a few minutes in which nothing is printed"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
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

# The browser tests need Chromium. Where Debian's package can be installed, it is; elsewhere the
# tests skip and say so (with CI=true they fail instead).
chromium:
	@command -v chromium >/dev/null 2>&1 || { \
		command -v apt-get >/dev/null 2>&1 && [ "$$(id -u)" = 0 ] \
		&& apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
		|| echo "note: no Chromium and no way to install it here: the browser tests will skip"

# Each worker takes whole files, so that what a file sets up is set up once.
WORKERS ?= 2

unit: $(STAMP) chromium
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# Fifty kills, twenty on Ray, ten thousand damaged files: what takes minutes.
slow: $(STAMP) $(if $(LINUX),slow-kernels)
	$(BIN)/python -m pytest -m slow

test: lint types unit $(if $(LINUX),kernels)

# Compiled anew: what writes the compiler's language is traced only while it does.
coverage: $(STAMP)
	NUMBA_CACHE_DIR=$$(mktemp -d) $(BIN)/python -m pytest tests/model --cov=vademecum.model --cov-report=term

# Triton's interpreter runs the GPU's kernels on a CPU; those in CUDA C++ are emulated, where there is
# a C++ compiler.
INTERPRETED := $(patsubst %,tests/model/test_triton_%.py,append attention choice products prompts rows) \
	tests/model/test_rotated_kernels.py
EMULATED := $(patsubst %,tests/model/test_triton_%.py,attention choice products rows sampling) \
	tests/model/test_rotated_kernels.py

$(TRITON)/.installed: Makefile | $(STAMP)
	@echo "installing Triton for the tests of the GPU's kernels: 1 GB"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(TRITON) triton==3.9.0
	@touch $@

kernels: $(TRITON)/.installed
	TRITON_INTERPRET=1 PYTHONPATH=$(TRITON) $(BIN)/python -m pytest -n $(WORKERS) \
		$(INTERPRETED) tests/benchmarks/test_gpu_layers_check.py
	PYTHONPATH=$(TRITON) $(BIN)/python -m pytest tests/model/test_triton_front_end.py tests/model/test_triton_fits.py
	$(call emulated,-n $(WORKERS) $(EMULATED))

slow-kernels: $(TRITON)/.installed
	$(call emulated,-m slow tests/model/test_triton_sizes.py)

emulated = $(if $(shell command -v g++),CUDA_EMULATED=1 TRITON_INTERPRET=1 PYTHONPATH=$(TRITON) $(BIN)/python -m pytest $1,\
	@echo "note: no g++: the kernels in CUDA C++ are not tested")

# Long measurements, some of them most of an hour. TEXT is a long plain text, .gz too.
PRESET ?= small
TEXT ?=
LLAMA_PYTHON ?=

bench-engine: $(STAMP)
	$(BIN)/python benchmarks/engine.py --preset $(PRESET) $(if $(TEXT),--text $(TEXT)) \
		$(if $(LLAMA_PYTHON),--llama-python $(LLAMA_PYTHON))

bench-long: $(STAMP)
	$(BIN)/python benchmarks/long_context.py --preset $(PRESET) --text $(TEXT)

bench-quantizing: $(STAMP)
	$(BIN)/python benchmarks/quantizing.py --text $(TEXT)

bench-pages: $(STAMP)
	$(BIN)/python benchmarks/page_scores.py --preset $(PRESET) --text $(TEXT)

bench-start: $(STAMP)
	$(BIN)/python benchmarks/start.py

bench-reading: $(STAMP)
	$(BIN)/python benchmarks/reading.py

bench-loading: $(STAMP)
	$(BIN)/python benchmarks/loading.py

SCIFACT ?=

bench-embedding: $(STAMP)
	$(BIN)/python benchmarks/embedding.py $(if $(SCIFACT),--scifact $(SCIFACT))

FILES ?=

bench-ingesting: $(STAMP)
	$(BIN)/python benchmarks/ingesting.py $(FILES)

FILE ?=

bench-committing: $(STAMP)
	$(BIN)/python benchmarks/committing.py $(FILE)

DATA ?=

bench-retrieval: $(STAMP)
	VADEMECUM_TEST_DATA=$(DATA) $(BIN)/python benchmarks/retrieval.py
	VADEMECUM_TEST_DATA=$(DATA) $(BIN)/python benchmarks/sections.py

# Run in a fresh environment that installed without constraints, after the tests passed there.
constraints: $(STAMP)
	@{ echo "# Exactly what was tested; pyproject.toml holds the lower bounds. Renew with: make constraints"; \
	   $(BIN)/python -m pip freeze --exclude-editable | sed 's/^torch==.*+.*/torch=='"$$($(BIN)/python -c 'import torch; print(torch.__version__.split("+")[0])')"'/'; } > constraints.txt
