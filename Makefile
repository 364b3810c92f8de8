# Every target is a thin call of scripts/dev.py, which needs Python 3.11 or newer and nothing else.
# Arguments: make test ARGS="tests/wire -x" · another interpreter: make PYTHON=python3.12 test

PYTHON ?= python3
DEV = @$(PYTHON) scripts/dev.py

.PHONY: help run test check bench ledger-scale kill-test soak faults ends compress-bench compress-cases clients browsers dashboard dashboard-scale screenshots conformance setup changelog pin clean

help:
	$(DEV) help || true

run:
	$(DEV) run $(ARGS)

test:
	$(DEV) test $(ARGS)

check:
	$(DEV) check $(ARGS)

bench:
	$(DEV) bench $(ARGS)

ledger-scale:
	$(DEV) ledger-scale $(ARGS)

kill-test:
	$(DEV) kills $(ARGS)

soak:
	$(DEV) soak $(ARGS)

faults:
	$(DEV) faults $(ARGS)

ends:
	$(DEV) ends $(ARGS)

compress-bench:
	$(DEV) compress-bench $(ARGS)

compress-cases:
	$(DEV) compress-cases $(ARGS)

clients:
	$(DEV) clients $(ARGS)

browsers:
	$(DEV) browsers $(ARGS)

dashboard:
	$(DEV) dashboard $(ARGS)

dashboard-scale:
	$(DEV) dashboard-scale $(ARGS)

screenshots:
	$(DEV) screenshots $(ARGS)

conformance:
	$(DEV) conformance $(ARGS)

setup:
	$(DEV) setup

changelog:
	$(DEV) changelog $(ARGS)

pin:
	$(DEV) pin $(ARGS)

clean:
	rm -rf .venv .clients .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist bench/results
