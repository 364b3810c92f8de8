"""Looking on: a process is measured as it is, and pages that do not answer are told."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence

from scripted import Received, Script, ScriptedUpstream, Send
from scripted.wording import response
from soak.figures import MIB
from soak.watch import Watch, sample

# One that has just begun has freed nothing: what it takes is new to it, which a process as old as that of the
# tests may find among what it holds already.
_GROWS = """
import os, sys
print("begun", flush=True)
sys.stdin.readline()
held = b"x" * int(sys.argv[1])
files = open(os.devnull), open(os.devnull)
print("grown", flush=True)
sys.stdin.readline()
"""


def test_a_process_is_measured_from_outside() -> None:
    size = 32 * MIB
    command = [sys.executable, "-c", _GROWS, str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        before = sample(process.pid, 1.0)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "grown\n"
        after = sample(process.pid, 2.0)
    assert (before.at, after.at) == (1.0, 2.0)
    assert (before.threads, after.threads) == (1, 1)
    assert size * 0.9 < after.rss - before.rss < size * 1.5
    assert after.descriptors == before.descriptors + 2


def test_pages_are_asked_for_until_nobody_looks_on() -> None:
    def pages(request: Received, names: Sequence[str]) -> Script:
        status = 500 if request.target == "/metrics" else 200
        return (Send(response(status, b"{}")),)

    async def look(port: int) -> Watch:
        watch = Watch(os.getpid(), port, 0.01)
        looking = asyncio.create_task(watch.look())
        while len(watch.samples) < 3:  # noqa: ASYNC110 - the watch tells nobody
            await asyncio.sleep(0.005)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        return watch

    with ScriptedUpstream((), (pages,)) as upstream:
        watch = asyncio.run(look(upstream.port))
        asked = {request.target for request in upstream.requests}
    assert "/api/dashboard/health" in asked
    assert set(watch.refused) == {"/metrics: 500 whole"}
    assert [each.at for each in watch.samples] == sorted(each.at for each in watch.samples)
