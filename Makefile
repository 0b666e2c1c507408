# Two commands for a newcomer, each with its own set-up in .venv: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all test-processors lint docs clean

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs,dask,vector,imagej,tensorboard,xarray,pretrained]'
	touch $@

demo: .venv/installed
	$(BIN)/densa demo --overwrite

test: .venv/installed
	$(BIN)/python -m pytest -q -n 2 -m "not slow"

test-all: .venv/installed
	$(BIN)/python -m pytest -q -n 2

# All tests three times: on the processor as it is, with SSE4 only and with AVX2 only. Results may not depend on rounding.
SSE4 := ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 NUMBA_CPU_NAME=x86-64-v2
AVX2 := ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 NUMBA_CPU_NAME=haswell

test-processors: .venv/installed
	@failed=0; for processor in "" "$(SSE4)" "$(AVX2)"; do \
		echo "== processor: $${processor:-as it is}"; \
		env $$processor $(BIN)/python -m pytest -q -n 2 || { echo "== failed: $${processor:-as it is}"; failed=1; }; \
	done; exit $$failed

lint: .venv/installed
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

docs: .venv/installed
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

clean:
	rm -rf .venv demo docs/_build docs/api docs/auto_examples
