# A newcomer needs two lines of this: `make run` and `make test`. Each does its own set-up: it brings
# uv into .uv/ where there is none, makes .venv/ with the exact versions of pyproject.toml, and does
# so again only when pyproject.toml has changed. Arguments: make run ARGS="--smoke".
# Needs Python 3.11 to 3.13 with pip, and GNU make 3.81 or later.

ARGS    =
BIN     = .venv/bin
SYNCED  = .venv/.synced
DOCS    = .venv/.docs
OUR_UV  = .uv/bin/uv

# A version manager's placeholder can be on PATH and not run: what counts is that it runs.
UV      := $(shell uv --version >/dev/null 2>&1 && command -v uv)
ifeq ($(UV),)
UV      := $(CURDIR)/$(OUR_UV)
NEED_UV := $(OUR_UV)
endif

# The system's Python will do: uv need not fetch another one, nor look at an active environment.
export UV
export UV_PYTHON_DOWNLOADS = never
export UV_PROJECT_ENVIRONMENT = .venv
unexport VIRTUAL_ENV

# Prints the first suitable Python (or the one named: make run PYTHON=/path/to/python3.12).
PYTHON      =
FITS        = import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit(1); print(sys.executable)
FIND_PYTHON = for p in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
		if "$$p" -c '$(FITS)' 2>/dev/null; then exit 0; fi; done; \
	"$(UV)" python find --no-project '>=3.11,<3.14' 2>/dev/null && exit 0; \
	echo "misread needs Python 3.11, 3.12 or 3.13; found: $$($(or $(PYTHON),python3) --version 2>/dev/null || echo none)." >&2; \
	echo "Install one of them, or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1

.PHONY: help run test lint docs format notebooks lowest bench fuzz lock clean
.DEFAULT_GOAL := help

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(SYNCED)  ## Run the study fours-fixed (ARGS="--smoke" for a first look)
	@$(BIN)/misread run fours-fixed $(ARGS)

test: $(SYNCED)  ## Run the whole test suite (ARGS="-k judge" for a part)
	@$(BIN)/python -m pytest -n 2 --dist worksteal --ignore tests/docs/test_site.py $(ARGS)

lint: $(SYNCED)  ## Check style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: $(DOCS)  ## Hold the pages to the code and build the site into site/; a broken link is an error
	@$(BIN)/python tools/generated.py --check
	@$(BIN)/python tools/docs.py
	@$(BIN)/python -m pytest -q tests/docs/test_site.py

format: $(SYNCED)  ## Format the code and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

notebooks: $(SYNCED)  ## Execute the notebooks and write them with their pictures (ARGS="--quick")
	@$(BIN)/python tools/notebooks.py $(ARGS)

lowest: $(NEED_UV)  ## Test with the lowest versions that are allowed what trains nothing
	@python=$$($(FIND_PYTHON)) && "$$python" tools/lowest.py

fuzz: $(SYNCED)  ## Read damaged files of every kind (ARGS="--seed 1 --minutes 60")
	@$(BIN)/python tools/fuzz.py --minutes 0.75 $(ARGS)

bench: $(SYNCED)  ## Measure all again and write docs/benchmarks.md (ARGS="--only everyday")
	@$(BIN)/python tools/benchmarks.py $(ARGS)

lock: $(NEED_UV)  ## Upgrade all packages and write their exact versions into pyproject.toml
	@python=$$($(FIND_PYTHON)) && "$$python" tools/lock.py
	@$(MAKE) -s --no-print-directory $(SYNCED)

clean:  ## Remove builds and caches; .venv/, .uv/ and runs/ stay
	@rm -rf build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find src tests tools experiments -name __pycache__ -type d -prune -exec rm -rf {} +

# `uv sync` installs exactly what pyproject.toml names, and removes what it does not.
$(SYNCED): pyproject.toml | $(NEED_UV)
	@echo "Setting up .venv (the first time takes a while: TensorFlow is large) …"
	@python=$$($(FIND_PYTHON)) && "$(UV)" sync --quiet --compile-bytecode --python "$$python"
	@touch $@

# What only the site needs comes on top, when it is first asked for.
$(DOCS): $(SYNCED)
	@echo "Setting up what the site needs …"
	@python=$$($(FIND_PYTHON)) && "$(UV)" sync --quiet --compile-bytecode --group docs --python "$$python"
	@touch $@

# A virtual environment, because many systems forbid pip to write outside one. Where the system
# ships its venv without pip (Debian), the system's own pip fills it.
$(OUR_UV):
	@python=$$($(FIND_PYTHON)) || exit 1; \
	echo "Bringing uv into .uv/ …"; rm -rf .uv; \
	if "$$python" -m venv .uv >/dev/null 2>&1; then \
		.uv/bin/python -m pip install --quiet --disable-pip-version-check uv; \
	else \
		"$$python" -m venv --clear --without-pip .uv && \
		"$$python" -m pip --python .uv/bin/python install --quiet --disable-pip-version-check uv; \
	fi || { rm -rf .uv; echo "uv could not be installed into .uv/ (see above); install it yourself, or mend pip's way to its package registry." >&2; exit 1; }
