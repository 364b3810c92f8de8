"""The model process seen from the gateway: it starts once, starts again, and never outlives us."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from llm_gateway.engines.local.child import Child
from llm_gateway.engines.local.model import LocalModel
from llm_gateway.errors import UpstreamUnreachable
from tiny_model import make_tiny_model

PARENT = """
import asyncio, os, sys
from pathlib import Path
from llm_gateway.engines.local.child import Child
from llm_gateway.engines.local.model import LocalModel

async def main():
    child = Child("local", LocalModel("tiny", Path(sys.argv[1])), os.environ)
    await child.endpoint()
    print(child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def play(weights: Path, scene: Callable[[Child], Awaitable[None]]) -> None:
    """Run a scene with a child that is not started yet."""

    async def run() -> None:
        child = Child("local", LocalModel("tiny", weights), {**os.environ, "OPENAI_API_KEY": "sk-secret"})
        try:
            await scene(child)
        finally:
            await child.close()
        assert not child.running and child.pid is None

    asyncio.run(run())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - a process that comes or goes sets no event
            await asyncio.sleep(0.001)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("weights") / "tiny.gguf")


def test_starts_once_for_all_who_ask_and_again_when_it_ended(weights: Path) -> None:
    async def scene(child: Child) -> None:
        assert not child.running
        first, second = await asyncio.gather(child.endpoint(), child.endpoint())
        assert first is second and await child.endpoint() is first
        assert (first.host, first.dialect, first.base_path) == ("127.0.0.1", "chat", "/v1")
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        await until(lambda: not child.running)
        again = await child.endpoint()
        assert again is not first and again.secret is not None and first.secret is not None
        assert again.secret.reveal() != first.secret.reveal()

    play(weights, scene)


def test_the_key_and_the_gateways_secrets_are_in_no_list_of_processes(weights: Path) -> None:
    async def scene(child: Child) -> None:
        endpoint = await child.endpoint()
        assert endpoint.secret is not None
        shown = psutil.Process(child.pid)
        seen = " ".join(shown.cmdline()) + str(shown.environ())
        assert endpoint.secret.reveal() not in seen
        assert "sk-secret" not in seen

    play(weights, scene)


def test_the_loop_runs_on_while_it_starts(weights: Path) -> None:
    async def scene(child: Child) -> None:
        longest = 0.0
        starting = asyncio.create_task(child.endpoint())
        last = time.perf_counter()
        while not starting.done():
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        await starting
        assert longest < 0.15, f"the loop stood still for {longest:.3f} s"

    play(weights, scene)


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"no model")

    async def scene(child: Child) -> None:
        with pytest.raises(UpstreamUnreachable, match=r"local/tiny did not start: .*invalid magic"):
            await child.endpoint()
        with pytest.raises(UpstreamUnreachable):
            await child.endpoint()

    play(broken, scene)


def test_one_who_leaves_during_the_start_takes_nothing_from_the_others(weights: Path) -> None:
    async def scene(child: Child) -> None:
        hasty = asyncio.create_task(child.endpoint())
        patient = asyncio.create_task(child.endpoint())
        await until(lambda: child.running)
        hasty.cancel()
        assert (await patient).port > 0
        with pytest.raises(asyncio.CancelledError):
            await hasty

    play(weights, scene)


def test_after_the_close_nothing_starts(weights: Path) -> None:
    async def scene(child: Child) -> None:
        await child.close()
        with pytest.raises(UpstreamUnreachable, match="shutting down"):
            await child.endpoint()

    play(weights, scene)


@pytest.mark.skipif(sys.platform != "linux", reason="sees the end of another's child by its descriptor")
def test_ends_when_the_gateway_is_killed(weights: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(weights)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        model = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        ended, _, _ = select.select([model], [], [], 5)
        os.close(model)
        assert ended, "the model process is still there"
