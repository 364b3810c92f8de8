"""What the tests of faults share: their marks on record, their seed, gateways with several upstreams."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from faults.stage import GATEWAY, Stage, Start, Targets, seed
from gateway_process import GatewayProcess

__all__ = ["full", "random", "start"]

_FULL = os.environ.get("LLM_GATEWAY_TEST_FAULTS", "") == "full"


@pytest.fixture
def random(request: pytest.FixtureRequest) -> Random:
    """Return a source of chance that LLM_GATEWAY_TEST_SEED repeats; no two tests share one."""
    return Random(f"{seed()}/{request.node.name}")


@pytest.fixture
def full() -> bool:
    """Whether this run may take minutes: `make faults` sets it."""
    return _FULL


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a way to start a gateway before some upstreams; all of them end with the test."""
    with ExitStack() as stack:
        count = 0

        def begin(
            targets: Targets,
            *,
            environ: Mapping[str, str] | None = None,
            program: Sequence[str] = GATEWAY,
            **sections: str,
        ) -> Stage:
            nonlocal count
            count += 1
            home = tmp_path / str(count)
            home.mkdir()
            config = targets.configuration(**sections)
            gateway = GatewayProcess(home, config, environ=environ, program=program)
            return Stage(stack.enter_context(gateway), targets)

        yield begin
