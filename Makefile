# Needs Linux, make and Python 3.11 to 3.13; everything else is installed into .venv.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: help install dev demo viewer test test-slow test-gpu test-docs test-floors test-newest test-slurm docs docs-serve notebooks lint format types imports coverage wheel constraints clean

VENV := .venv
BIN := $(VENV)/bin
# Bytecode is compiled when first imported, since most of torch never is; at once where Python is told to write none
# later: without it `import torch` takes 20 s.
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install -qq $(if $(PYTHONDONTWRITEBYTECODE),,--no-compile) -c
unexport PYTHONDONTWRITEBYTECODE
DEMO := demo
BEGAN := $(shell date +%s)
SLOW := slow or real or browser or slurm
# The first Python that the constraints resolve for and that can make virtual environments.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$python && break; done)
# Volta and older (compute capability below 7.5) have no code in wheels for CUDA 13.
CARD := $(shell nvidia-smi -L >/dev/null 2>&1 || { echo cpu; exit; }; \
	nvidia-smi --query-gpu=compute_cap --format=csv,noheader | sort -n | head -n 1 | awk '{ print ($$1 < 7.5 ? "cuda126" : "cuda") }')
CONSTRAINTS := constraints/$(CARD).txt
# PyPI's torch for Linux brings several GB of CUDA; this index has the same without.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name line; do printf '  make %-12s %s\n' "$$name" "$$line"; done

install: $(VENV)/.installed  ## .venv with what the commands need
dev: $(VENV)/.dev  ## and what the tests need

demo: install  ## synthetic cohort, both pipelines trained, prediction, scores and pictures, in minutes
	@$(BIN)/brats-seg demo output=$(DEMO)

# A tarball of the npm registry, checked before anything is taken out of it.
VIEWER := brats_seg/report/viewer/niivue.js
NIIVUE := 0.69.0
NIIVUE_SHA512 := YMjQvJgD1W2b7DuoxkwlC4VxbrgIePRJ5qyQzXKxi2v2MBVg285P/CIQyg46oDDGDIcaNlbd+MhtO/edMbXJkA==

viewer: $(VIEWER)  ## the 3-D viewer of reports, from the npm registry (needs npm)

$(VIEWER):
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && npm pack --silent --pack-destination "$$folder" @niivue/niivue@$(NIIVUE) >/dev/null \
		&& test "$$(openssl dgst -sha512 -binary "$$folder"/*.tgz | base64 -w0)" = "$(NIIVUE_SHA512)" \
		&& tar -xzOf "$$folder"/*.tgz package/dist/niivue.umd.js > "$$folder/niivue.js" && mv "$$folder/niivue.js" $@ && chmod 644 $@ \
		|| { echo "No viewer: npm is missing, or the package could not be had, or is another one than it was." >&2; exit 1; }

test: dev lint types imports  ## fast tests, lint, types, import contracts; COVERAGE=1: and branches that no fast test takes
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal -m "not ($(SLOW) or gpu)" $(if $(COVERAGE),--cov --cov-report=term:skip-covered)

test-slow: dev  ## the other tests; those on real MRI need BRATS_SEG_REAL_CASES=DIR
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal --durations=25 -m "($(SLOW)) and not gpu"

test-gpu: dev  ## tests that need an NVIDIA card to themselves
	@$(BIN)/pytest -n 0 -m gpu

test-docs: dev  ## the commands of README.md and docs/, on a phantom
	@OMP_NUM_THREADS=1 $(BIN)/pytest --durations=10 tests/docs

# uv chooses the lowest version that each line of pyproject.toml admits, and makes an environment of its own.
FLOORS := .venv-floors
NEWEST := .venv-newest
UV := $(FLOORS)/bin/uv --quiet pip

$(FLOORS)/bin/uv: $(BIN)/python
	@$(PYTHON) -m venv $(FLOORS) && $(FLOORS)/bin/python -m pip --disable-pip-version-check install -qq uv

test-floors: $(FLOORS)/bin/uv  ## fast tests with the lowest versions that pyproject.toml admits
	@for torch in --torch-backend=cpu ""; do \
		$(UV) compile --python $(FLOORS)/bin/python --resolution lowest-direct $$torch \
			--extra dev --extra export --extra sweeps pyproject.toml -o $(FLOORS)/lowest.txt >/dev/null 2>&1 \
		&& $(UV) install --python $(FLOORS)/bin/python $$torch -r $(FLOORS)/lowest.txt && break; \
		test -n "$$torch" || { echo "The lowest versions cannot be had together: see uv pip compile." >&2; exit 1; }; \
		echo "No torch without CUDA to be had: taking PyPI's, several GB."; \
	done
	@$(UV) install --python $(FLOORS)/bin/python --no-deps -e .
	@OMP_NUM_THREADS=1 $(FLOORS)/bin/pytest -n auto -m "not ($(SLOW) or gpu)"

test-newest: $(FLOORS)/bin/uv  ## fast tests with the newest versions that it admits; torch is PyPI's, several GB
	@$(PYTHON) -m venv $(NEWEST) && $(UV) install --python $(NEWEST)/bin/python -e '.[dev,export,sweeps]'
	@OMP_NUM_THREADS=1 $(NEWEST)/bin/pytest -n auto -m "not ($(SLOW) or gpu)"

docs: $(VENV)/.docs  ## the site, into build/site; every link checked
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet -f docs/site/mkdocs.yml
	@echo "build/site/index.html"

docs-serve: $(VENV)/.docs  ## the site at http://127.0.0.1:8000, built anew as you write
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve -f docs/site/mkdocs.yml

test-slurm: dev  ## a five-fold sweep on a Slurm cluster of one node, a job preempted (Debian, as root)
	@$(BIN)/pytest -s -m slurm tests/slurm

lint: dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: dev  ## write the code as the linter wants it
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: dev
	@$(BIN)/mypy

imports: dev
	@$(BIN)/lint-imports
	@$(BIN)/python tests/import_circles.py

coverage: dev  ## all tests, three quarters of an hour: the lines that none of them runs, without those that tests/coverage.ini excuses
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal -m "not gpu" --cov --cov-config=tests/coverage.ini --cov-report=term-missing

notebooks: dev  ## run the notebooks and keep their outputs
	@PATH=$(CURDIR)/$(BIN):$$PATH OMP_NUM_THREADS=1 $(BIN)/python notebooks/execute.py

wheel: dev  ## dist/*.whl, with the viewer where it can be had
	@$(MAKE) -s viewer || true
	@$(BIN)/python -m build --wheel --no-isolation

clean:  ## remove what make made, but not runs
	rm -rf $(VENV) $(FLOORS) $(NEWEST) .venv-published build dist *.egg-info .*_cache demo

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv is needed (Debian: apt install python3-venv), or make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# torch first: the wheel that pip is configured to find locally, else the one without CUDA where there is no card.
$(VENV)/.installed: $(CONSTRAINTS) pyproject.toml setup.cfg | $(BIN)/python
	@echo "Installing into $(VENV) with $$($(BIN)/python --version) for $(CARD) ..."
	@$(INSTALL) $(CONSTRAINTS) setuptools
ifeq ($(CARD),cpu)
	@$(INSTALL) $(CONSTRAINTS) --no-index --no-deps torch 2>/dev/null \
		|| { test -n "$(TORCH_INDEX)" && $(INSTALL) $(CONSTRAINTS) --retries 1 --timeout 30 --index-url $(TORCH_INDEX) --no-deps torch; } \
		|| echo "No torch without CUDA to be had: taking PyPI's, several GB."
endif
	@$(INSTALL) $(CONSTRAINTS) --no-build-isolation -e .
	@echo "Installed in $$(( $$(date +%s) - $(BEGAN) )) s."
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@echo "Installing what the tests need ..."
	@$(INSTALL) $(CONSTRAINTS) --no-build-isolation -e ".[dev,export,scans,sweeps]"
# nnU-Net's networks, an example in docs/how-to/extend.md. Without timm, which those do not use: its torchvision breaks a torch without CUDA.
	@$(INSTALL) $(CONSTRAINTS) --no-deps dynamic-network-architectures
	@touch $@

$(VENV)/.docs: $(VENV)/.installed
	@$(INSTALL) $(CONSTRAINTS) --no-build-isolation -e ".[docs]"
	@touch $@
