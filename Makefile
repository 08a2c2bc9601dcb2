# Every target needs only `.venv`, and `.venv` is made by contrib/setup.
# ARGS goes to the program: make run ARGS="--source ~/Pictures", make test ARGS="tests/query -k parser".

SHELL := /bin/bash
BIN := .venv/bin
ARGS ?=
# Two workers; the tests of one file stay together and share what they made. ARGS="-n 0 …" runs them one by one.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: help setup demo run test check bench eval model corpus format clean

help:
	@echo 'make demo     draw a small library, mount it and show the tour; Ctrl-C ends it'
	@echo 'make run      mount your library on ~/Albums (ARGS="--source ~/Pictures" adds a folder)'
	@echo 'make test     every test'
	@echo 'make check    format, lint, types, floors, every test'
	@echo 'make bench    the table of ratios against bindfs, find, sha256sum and exiftool'
	@echo 'make eval     how good the search is: recall and nDCG on the demo library (ARGS=--help: on your own pictures)'
	@echo 'make model    train the model of the demo anew, in build/model (half an hour)'
	@echo 'make corpus   what the readers find in the corpus beside the checkout, against what it should be'
	@echo 'make setup    only what all of these need: Debian packages and .venv (MEANING=no: without torch)'
	@echo 'make format   rewrite the code in the house style'
	@echo 'make clean    remove .venv and everything else that was built here'

setup:
	@contrib/setup

demo: setup
	@exec $(BIN)/albumsd demo $(ARGS)

run: setup
	@exec $(BIN)/albumsd run $(ARGS)

test:
	@contrib/setup test
	@exec $(PYTEST) $(ARGS)

check:
	@contrib/setup test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST)

bench:
	@contrib/setup bench
	@exec $(BIN)/python contrib/bench/run.py $(ARGS)

eval:
	@contrib/setup test
	@exec $(BIN)/python contrib/eval/run.py $(ARGS)

model:
	@contrib/setup test
	@exec $(BIN)/python -m contrib.model.train $(ARGS)

corpus: setup
	@exec $(BIN)/python tests/corpus/table.py $(ARGS)

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache *.egg-info
	find albumsd tests contrib -name __pycache__ -type d -prune -exec rm -rf {} +
