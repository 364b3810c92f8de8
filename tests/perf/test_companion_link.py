"""What the link to a companion in another process adds to a turn: less than three milliseconds, mostly."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

from bridge_stage import FakeBridge, whole
from companion_place import BODY, Desk, Place, eventually, placed
from llm_gateway.companion.caps import Caps
from llm_gateway.upstream.answer import Answer

TESTS = Path(__file__).resolve().parents[1]
TURNS, ROUNDS, MOST_MS = 200, 3, 3.0


async def took(ask: Callable[[], Coroutine[object, object, Answer]]) -> list[float]:
    """Return how many milliseconds each turn took, from its question to its end."""
    times = []
    for _ in range(TURNS):
        began = time.perf_counter()
        answer = await ask()
        assert answer.status == 200
        await whole(answer)
        times.append((time.perf_counter() - began) * 1e3)
    return sorted(times)


async def measured(place: Place) -> None:
    here = Desk(place, place.home / "here", {"claude": FakeBridge()}, Caps()).engines["claude"]
    there = place.hub.engines["claude"]
    added = []
    for _ in range(ROUNDS):
        local = await took(lambda: here.answer("turn", BODY, "m"))
        remote = await took(lambda: there.answer("turn", BODY, "m"))
        middle = statistics.median(remote) - statistics.median(local)
        added.append(middle)
        late = remote[int(TURNS * 0.99)] - local[int(TURNS * 0.99)]
        sys.stderr.write(f"\nthe link adds p50 {middle:.2f} ms, p99 {late:.2f} ms")
    began = time.perf_counter()
    answers = await asyncio.gather(*(there.answer("turn", BODY, "m") for _ in range(50)))
    await asyncio.gather(*map(whole, answers))
    sys.stderr.write(f"; 50 at a time in {(time.perf_counter() - began) * 1e3:.0f} ms\n")
    assert min(added) <= MOST_MS


def started(place: Place, token: str, folder: Path) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join((str(TESTS), str(TESTS.parent / "src")))
    return subprocess.Popen(
        [sys.executable, str(TESTS / "companion_child.py"), "companion", place.url, token, str(folder)],
        env={**os.environ, "PYTHONPATH": paths},
    )


def test_the_link_adds_little(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        token = (await place.registry.invite("mac")).token.reveal()
        child = started(place, token, tmp_path / "desk")
        try:
            await eventually(lambda: any(each.offered for each in place.of("mac")), 15)
            await measured(place)
        finally:
            child.kill()
            child.wait()

    placed(tmp_path, scene)
