"""What holds up the event loop is told once, with its place; a loop that runs is left alone."""

import asyncio
import io
import json
import time

from fakes import FakeClock
from llm_gateway.telemetry.log import Log
from llm_gateway.telemetry.watchdog import Watchdog


def watched(seconds: float) -> list[dict[str, object]]:
    out = io.StringIO()

    async def scene() -> None:
        watchdog = Watchdog(Log(FakeClock(), out=out))
        await asyncio.sleep(0.3)
        culprit(seconds)
        await asyncio.sleep(0.3)
        watchdog.close()

    def culprit(seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.01)

    asyncio.run(scene())
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_what_holds_up_the_loop_is_told_once_with_its_place() -> None:
    (line,) = watched(1.5)
    held = line["duration_ms"]
    assert isinstance(held, int) and 200 < held < 1500
    assert "culprit (test_watchdog.py:" in str(line["where"])


def test_a_loop_that_runs_is_left_alone() -> None:
    assert watched(0.0) == []
