# `make demo` shows what Potato does; `make test` runs the tests. Both first set up .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The folder of the development data; tests that need it are skipped if it doesn't exist.
export POTATO_DATA ?= $(abspath ../shared/data)

.PHONY: demo test test-base fuzz tiny check format bench score docs viewer clean

demo: $(VENV)/installed
	$(BIN)/potato demo --overwrite

# A process for each core, each with one thread of torch and of BLAS; idle ones take tests from the others.
test: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -rs -n logical --dist worksteal

# The base as users install it, in an environment without torch.
test-base: $(VENV)/installed-dev build/base/installed
	! build/base/bin/python -c "import torch" 2> /dev/null
	test $$(du -sm build/base | cut -f1) -le 270
	build/base/bin/potato demo build/base-demo --overwrite
	POTATO_BASE=$(CURDIR)/build/base/bin/python $(BIN)/python -m pytest -n logical --dist worksteal \
		tests/project/test_base.py

# Thousands of damaged files, in a process for each core.
fuzz: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzzing.py --count 5000 --jobs $$(getconf _NPROCESSORS_ONLN)

tiny: $(VENV)/installed-dev
	POTATO=$(CURDIR)/$(BIN)/potato runs/tiny.sh

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror native/*.c native/*.h
	$(BIN)/mypy

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i native/*.c native/*.h

bench: $(VENV)/installed-dev
	$(BIN)/python benchmarks/fuse.py

# Every published figure of a checkpoint, as JSON and Markdown: make score WEIGHTS=mine.safetensors
score: $(VENV)/installed-dev
	$(BIN)/python runs/score.py $(if $(WEIGHTS),--weights $(WEIGHTS))

docs: $(VENV)/installed-dev
	$(BIN)/python docs/make_cli.py
	$(BIN)/sphinx-build -W --keep-going -q -b html docs build/docs

# Fetches the viewer of `potato report` from npm. For another version, change report/page.py, too.
viewer:
	mkdir -p build
	npm pack --silent --pack-destination build openseadragon@6.1.1
	tar -xzf build/openseadragon-6.1.1.tgz -C build
	cp build/package/build/openseadragon/openseadragon.min.js src/potato/assets/
	cp build/package/LICENSE.txt src/potato/assets/openseadragon.LICENSE.txt

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# The base, without torch: all that sharpening and viewing need.
$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

build/base/installed: pyproject.toml constraints.txt $(shell find src native -type f -not -path '*/__pycache__/*')
	test -x build/base/bin/python || $(PYTHON) -m venv build/base
	# Modules of an earlier build, since deleted, would be installed again.
	rm -rf build/lib* build/bdist*
	build/base/bin/python -m pip install --quiet -c constraints.txt .
	touch $@

# All extras at once: each installation compiles native/ again. On Linux, PyPI's torch brings CUDA, some
# gigabytes; for the CPU build alone, set PIP_EXTRA_INDEX_URL to PyTorch's index of CPU wheels.
$(VENV)/installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(VENV)/installed $@

clean:
	rm -rf $(VENV) build demo-out .pytest_cache .mypy_cache .ruff_cache .hypothesis
