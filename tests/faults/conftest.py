"""What the tests of faults share: their marks on record, their seed, gateways with several upstreams."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from faults.stage import Stage, Targets
from gateway_process import GatewayProcess

__all__ = ["full", "random", "start"]

_SEED = int(os.environ.get("LLM_GATEWAY_TEST_SEED", "1"))
_FULL = os.environ.get("LLM_GATEWAY_TEST_FAULTS", "") == "full"


@pytest.fixture
def random(request: pytest.FixtureRequest) -> Random:
    """Return a source of chance that LLM_GATEWAY_TEST_SEED repeats; no two tests share one."""
    return Random(f"{_SEED}/{request.node.name}")


@pytest.fixture
def full() -> bool:
    """Whether this run may take minutes: `make faults` sets it."""
    return _FULL


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Return a way to start a gateway before some upstreams; all of them end with the test."""
    with ExitStack() as stack:
        count = 0

        def begin(targets: Targets, **how: str) -> Stage:
            nonlocal count
            count += 1
            home = tmp_path / str(count)
            home.mkdir()
            gateway = stack.enter_context(GatewayProcess(home, targets.configuration(**how)))
            return Stage(gateway, targets)

        yield begin
