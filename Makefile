# Two commands matter: `make demo` and `make test`. Both start from a fresh clone with
# python3 and make only, and are quick the second time (stamp files). `make help` lists all.

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .uv/bin/uv
UV_DONE := .uv/.done-$(UV_VERSION)
BIN := .venv/bin
LOCALES := src/ringdove/locales

# A service account may have no home; caches then stay inside the clone.
ifeq ($(strip $(HOME)),)
export HOME := $(CURDIR)/.cache/home
endif
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
# Containers often set it; every start of ours would compile anew all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help setup demo test check bench lock messages assets docs chromium clean

help:
	@echo "make demo      set up and open the desk with a year of past and a life that goes on"
	@echo "make test      set up and run every test (browser included)"
	@echo "make check     format, lint, types, import rule, fast tests"
	@echo "make setup     only set up        make bench     measure"
	@echo "make lock      recompile requirements.lock      make messages  collect page texts"
	@echo "make assets    copy browser assets again        make docs      draw pages made from code"
	@echo "make clean     remove what make made"

setup: .venv/.project-done

demo: setup
	$(BIN)/ringdove demo

test: setup tools
	$(BIN)/pytest -n 2

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n 2 -m "not slow and not browser"

# Each measurement by itself, on an otherwise quiet machine; the page is drawn from what they save.
MEASURED := .cache/bench
bench: setup
	$(BIN)/ringdove bench react --save $(MEASURED)/react.json
	$(BIN)/ringdove bench send --runs 3 --save $(MEASURED)/send-1.json
	$(BIN)/ringdove bench send --span 128 --save $(MEASURED)/send-2.json
	$(BIN)/ringdove bench send --stored 10000000 --no-kannel --save $(MEASURED)/send-3.json
	$(BIN)/ringdove bench crash --rounds 200 --save $(MEASURED)/crash.json
	$(BIN)/ringdove bench people --save $(MEASURED)/people-1.json
	$(BIN)/ringdove bench people --span 128 --save $(MEASURED)/people-2.json
	$(BIN)/ringdove bench redirect --save $(MEASURED)/redirect.json
	$(BIN)/ringdove bench automations --save $(MEASURED)/automations.json
	$(BIN)/ringdove bench campaign
	$(BIN)/ringdove bench segments
	$(BIN)/ringdove bench reports
	$(BIN)/ringdove bench pieces --save $(MEASURED)/pieces.json
	$(BIN)/ringdove bench draw $(MEASURED) docs/benchmarks.md

assets: setup
	$(BIN)/python hatch_build.py

docs: setup
	$(BIN)/python docs/draw.py

# --- setting up, step by step -------------------------------------------------------------

$(UV_DONE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory .venv-module
	@mkdir -p "$$HOME"
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet "uv==$(UV_VERSION)"
	@touch $@

# Debian and Ubuntu ship python3 without the venv module.
.PHONY: .venv-module
.venv-module:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; \
	else \
	  echo "Python's venv module is missing. Install it, then run make again:"; \
	  echo "  sudo apt-get install python3-venv"; exit 1; \
	fi

.venv/.lock-done: requirements.lock $(UV_DONE)
	@test -x $(BIN)/python || $(UV) venv --quiet --python "$(PYTHON)" .venv
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@touch $@

node_modules/.done: package.json package-lock.json .npmrc | .venv/.lock-done
	rm -rf node_modules
	$(BIN)/python hatch_build.py
	@touch $@

.venv/.project-done: pyproject.toml hatch_build.py src/ringdove/web/static/icons.txt node_modules/.done .venv/.lock-done
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

# What the tests need of the system: the distribution's Chromium, tshark (judges our packets), Kannel
# (a gateway that others wrote; its services are kept from starting) and a C compiler (the SMSC of
# the measurements). Without root only the browser is demanded, the other tests say that they skip.
.PHONY: tools
tools: chromium
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  ! { command -v tshark && command -v bearerbox && command -v cc; } >/dev/null; then \
	  rule=/usr/sbin/policy-rc.d; [ -e $$rule ] || { printf '#!/bin/sh\nexit 101\n' >$$rule && \
	    chmod +x $$rule && ours=1; }; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	    --no-install-recommends tshark kannel gcc libc6-dev iproute2 >/dev/null; } || \
	    echo "tshark, Kannel or gcc could not be installed: their tests are skipped."; \
	  [ -z "$$ours" ] || rm -f $$rule; \
	fi

chromium:
	@command -v chromium >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	    --no-install-recommends chromium fonts-dejavu-core fonts-liberation >/dev/null; \
	else \
	  echo "The browser tests need Chromium. Install it, then run make test again:"; \
	  echo "  sudo apt-get install chromium fonts-dejavu-core fonts-liberation"; exit 1; \
	fi

# --- keeping ------------------------------------------------------------------------------

# `make lock UPGRADE=--upgrade` takes the newest versions; plain `make lock` keeps what it can.
lock: $(UV_DONE)
	$(UV) pip compile pyproject.toml --extra dev --universal --generate-hashes \
	  --no-emit-index-url --python-version 3.11 $(UPGRADE) -o requirements.lock

# English is in the sources; every other language that has a pages.po gets the new texts.
messages: setup
	@mkdir -p .cache
	$(BIN)/pybabel -q extract -F $(LOCALES)/extract.cfg --sort-output --no-location \
	  --omit-header -k pgettext:1c,2 -k ngettext:1,2 -k npgettext:1c,2,3 -k NN_:1,2 \
	  -o .cache/pages.pot src/ringdove
	@for po in $(LOCALES)/*/pages.po; do \
	  code=$$(basename $$(dirname $$po)); \
	  $(BIN)/pybabel -q update -i .cache/pages.pot -o $$po -l $$code --no-wrap \
	    --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date || exit 1; \
	done

clean:
	rm -rf .uv .venv .cache node_modules dist src/ringdove/web/static/vendor \
	  .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache tests/.artifacts
