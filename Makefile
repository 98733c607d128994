# Each target does all set-up by itself; it needs Python 3.11+, make and git.
PYTHON ?= python3
BIN := .venv/bin
QUICK := tests/test_*.py $(addprefix tests/,options storage models objectives) \
	--ignore tests/test_extending.py --ignore tests/test_zoo.py --ignore tests/models/test_architectures.py \
	--ignore tests/objectives/test_contract.py

.PHONY: demo test check coverage fuzz lint docs zoo release-check setup clean

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "disvae needs Python 3.11 or newer; call: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1' # which knows groups
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[ray,onnx,safetensors]' --group dev
	@touch $@

# Train a beta-TCVAE on dSprites, evaluate it on images held out, draw and explore what it learned.
demo: setup
	$(BIN)/disvae train demo -d dsprites -l btcvae --btcvae-B 4 --lr 1e-3 --max-steps 1500 \
		--train-fraction 0.95 --split test
	$(BIN)/disvae plot demo data-samples reconstruct -r 4 -c 10 -s 1
	$(BIN)/disvae plot demo traversals -r 10 -c 10 --is-show-loss
	$(BIN)/disvae explore demo --export results/demo/explore.html --images 24 --encoder
	@echo "The pictures lie in $(CURDIR)/results/demo"
	@echo "Move its latents in the browser: $(BIN)/disvae explore demo"

# Compiled files are kept: programs that tests start would compile the package anew each time.
test check coverage: export PYTHONDONTWRITEBYTECODE =
test: setup
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

# In a minute: all that looks at the code, and the tests of the quickest rooms.
check: lint
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(QUICK)

# All tests, and the branches that none of them takes.
coverage: setup
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal --cov \
		--cov-report term-missing:skip-covered

# Many more hostile files, and kills at random moments, than the tests try.
fuzz: setup
	$(BIN)/python -m pytest tests/hostile --hypothesis-profile=fuzz
	DISVAE_KILLS=20 $(BIN)/python -m pytest tests/training/test_killed.py -k killed_at

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/typos
	$(BIN)/mypy --num-workers auto

# The site, with its notebooks executed: build/docs/index.html. Any warning is an error.
docs: .venv/docs
	$(BIN)/disvae data prepare dsprites
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -q -b html \
		-d build/doctrees docs build/docs
	@echo "The site is $(CURDIR)/build/docs/index.html"

.venv/docs: .venv/ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	@touch $@

# Write zoo/README.md and its grid, the registry of the zoo, and build/zoo/*.zip from the runs in zoo/.
zoo: setup
	$(BIN)/python bin/zoo.py

# Build the wheel and the source distribution, and check both; LOWEST=NAME==VERSION takes that in place
# of the least version of its range.
release-check: setup
	bin/release_check.sh $(LOWEST)

clean:
	rm -rf .venv build dist docs/reference/api
