# make demo   the first notebook, executed on this machine
# make test   everything that CI runs
# make lint   ruff and mypy alone
# make docs   the documentation, as a site in build/docs
# make bench  the figures of docs/, side by side with other tools
# make chaos  random faults against running workflows, and an oracle at the end
# make clean  remove what these made

PYTHON3 ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := build/demo
NOTEBOOK := 1-map.ipynb
# JupyterLab refuses to start as root unless told to.
LAB := $(BIN)/jupyter lab$(if $(filter 0,$(shell id -u)), --allow-root)
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --root-user-action=ignore --retries 5

.PHONY: demo test test-workers test-clusters test-servers test-kernels test-browser test-others lint docs bench chaos clean services

demo: $(VENV)/.demo
	@rm -rf $(DEMO) && mkdir -p build && cp -r notebooks $(DEMO)
	TORC_NB_PROGRESS=plain $(BIN)/jupyter nbconvert --log-level=WARN --to notebook --inplace --execute \
	    --ExecutePreprocessor.store_widget_state=False $(DEMO)/$(NOTEBOOK)
	@$(BIN)/jupyter nbconvert --log-level=WARN --to html $(DEMO)/$(NOTEBOOK)
	@echo
	@echo "Executed $(DEMO)/$(NOTEBOOK); to look at it, open $(DEMO)/$(NOTEBOOK:.ipynb=.html) in a browser."
	@echo "To work with it in JupyterLab:"
	@echo "    $(LAB) $(DEMO)/$(NOTEBOOK)"

# Most tests wait more than they compute, so five sessions run side by side; a page of a browser computes, though.
OF_WORKERS := tests/worker tests/launch tests/test_notebooks.py tests/test_services.py
OF_CLUSTERS := tests/integration tests/machines tests/chaos tests/workflow/test_at_once.py
OF_SERVERS := tests/server_db
OF_KERNELS := tests/api tests/workflow tests/magics tests/commands --ignore=tests/workflow/test_at_once.py
OF_BROWSER := tests/browser
SESSION := $(MAKE) --no-print-directory

test: lint services
	@tests/setup/side_by_side.sh "$(SESSION) test-workers" "$(SESSION) --keep-going test-clusters test-browser" \
	    "$(SESSION) test-servers" "$(SESSION) test-kernels" "$(SESSION) test-others"

test-workers:
	TORC_NB_SLOW_TESTS=1 $(BIN)/pytest $(OF_WORKERS)

test-clusters:
	TORC_NB_SLOW_TESTS=1 $(BIN)/pytest $(OF_CLUSTERS)

test-servers:
	$(BIN)/pytest $(OF_SERVERS)

test-kernels:
	$(BIN)/pytest $(OF_KERNELS)

test-browser:
	$(BIN)/pytest $(OF_BROWSER)

test-others:
	$(BIN)/pytest tests $(patsubst tests/%,--ignore=tests/%,$(OF_WORKERS) $(OF_CLUSTERS) $(OF_SERVERS) $(OF_KERNELS) \
	    $(OF_BROWSER))

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs build/docs
	@echo "Open build/docs/index.html in a browser."

bench: $(VENV)/.bench services
	$(BIN)/python -m tests.benchmarks

# Other than by default: make chaos CHAOS='--seed 7 --jobs 10000 --faults 500 --database postgresql'
chaos: $(VENV)/.test services
	$(BIN)/python -m tests.chaos $(CHAOS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

services:
	@tests/setup/services.sh

# What the JupyterLab panel is built of: it is built anew where one of these changed.
PANEL := $(wildcard $(addprefix labextension/,*.json *.lock src/* style/* schema/*))

# One environment; a stamp for each set of extras that was installed into it.
$(VENV)/.demo: EXTRAS := lab,notebooks
# The first look does not wait for the panel to be built; `make .venv/.test` and `pip install .` build it.
$(VENV)/.demo $(VENV)/.docs: export TORC_NB_SKIP_LAB := $(if $(wildcard torc_nb/labextension/sources.sha256),,1)
$(VENV)/.docs: EXTRAS := docs
$(VENV)/.test: EXTRAS := dev,docs,lab,notebooks,parquet,postgres
$(VENV)/.bench: EXTRAS := bench,dev,lab,notebooks,parquet,postgres
$(VENV)/.demo $(VENV)/.docs $(VENV)/.test $(VENV)/.bench: pyproject.toml hatch_build.py $(PANEL) | $(BIN)/pip
	@echo "Installing torc_nb with [$(EXTRAS)] into $(VENV)"
	@$(INSTALL) --editable '.[$(EXTRAS)]'
	@touch $@

$(BIN)/pip:
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "torc_nb needs Python 3.11 or newer; name one: make PYTHON3=python3.12 ..."; exit 1; }
	@$(PYTHON3) -c 'import ensurepip' 2>/dev/null || tests/setup/python_venv.sh
	@rm -rf $(VENV) && $(PYTHON3) -m venv $(VENV)
