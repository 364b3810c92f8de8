"""Looking on: a process is measured as it is, and pages that do not answer are told."""

import asyncio
import os
from collections.abc import Sequence

from scripted import Received, Script, ScriptedUpstream, Send
from scripted.wording import response
from soak.figures import MIB
from soak.watch import Watch, sample


def test_a_process_is_measured_from_outside() -> None:
    before = sample(os.getpid(), 1.0)
    held = b"x" * (32 * MIB)
    with open(os.devnull) as one, open(os.devnull) as two:
        after = sample(os.getpid(), 2.0)
        assert one.fileno() != two.fileno()
    assert (before.at, after.at) == (1.0, 2.0) and before.threads >= 1
    assert len(held) * 0.9 < after.rss - before.rss < len(held) * 1.5
    assert after.descriptors >= before.descriptors + 2


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
