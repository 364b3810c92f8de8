"""The bridge to Microsoft 365 Copilot in front of the fake vendor, on a clock of the test's."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from bridges.m365.fake_vendor import CLIENT_ID, Microsoft
from fakes import FakeClock
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.m365.bridge import M365Bridge, open_bridge
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.events import Finished, Measured, TextDelta
from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.request import Message, Request
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.dialects.bridge.stream import Lost, Said
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Upstream
from scripted import Received, ScriptedUpstream

__all__ = ["Stage", "ask", "assistant", "everything", "lost", "played", "spoken", "system", "user"]


class Stage:
    """What a scene plays with. `failures` are of tasks that nobody waited for: there are to be none."""

    def __init__(self, vendor: Microsoft, upstream: ScriptedUpstream, folder: Path) -> None:
        self.vendor = vendor
        self.upstream = upstream
        self.clock = FakeClock()
        self.folder = folder
        self.failures: list[BaseException] = []
        self.tasks = Tasks(lambda _, failure: self.failures.append(failure))
        self.pool = Pool(connect_timeout=2.0)

    def open(self, *, settings: BridgeSettings | None = None, **environ: str) -> M365Bridge:
        """Return a bridge of this stage's; MICROSOFT_CLIENT_ID is set unless it is set otherwise."""
        where = {"M365_COPILOT_SERVICE_URL": self.upstream.url, "M365_COPILOT_LOGIN_URL": self.upstream.url}
        around = Surroundings(
            {"MICROSOFT_CLIENT_ID": CLIENT_ID, "TZ": "Europe/Berlin", **where, **environ},
            self.clock,
            self.tasks,
            Upstream(self.pool, Patience(5.0, 5.0)),
            self.folder,
        )
        return open_bridge(settings or BridgeSettings("m365-copilot"), around)

    def asked(self, ending: str = "chatOverStream") -> list[Received]:
        """Return the requests whose path ends so."""
        return [request for request in self.upstream.asked() if request.target.endswith(ending)]

    def bodies(self) -> list[dict[str, object]]:
        """Return the bodies of the turns that were asked."""
        return [request.json() for request in self.asked()]

    async def log_in(self, bridge: M365Bridge) -> None:
        """Log in by the device code, with a person who has done it already."""
        assert [step.kind async for step in bridge.login()] == ["code", "done"]
        self.upstream.forget()


def played(scene: Callable[[Stage], Awaitable[None]], folder: Path) -> None:
    """Run a scene."""

    async def run(upstream: ScriptedUpstream, vendor: Microsoft) -> None:
        stage = Stage(vendor, upstream, folder)
        vendor.now_s = stage.clock.now_us() / 1_000_000
        try:
            await scene(stage)
        finally:
            await stage.tasks.close()
            stage.pool.close()
        assert not stage.failures

    vendor = Microsoft()
    with ScriptedUpstream(responders=(vendor.respond,)) as upstream:
        asyncio.run(run(upstream, vendor))


def user(text: str) -> Message:
    return Message("user", (Text(text),))


def assistant(text: str) -> Message:
    return Message("assistant", (Text(text),))


def system(text: str) -> Message:
    return Message("system", (Text(text),))


async def ask(bridge: M365Bridge, *messages: Message, stream: bool = True) -> list[Said]:
    """Ask one turn and return all that was said."""
    request = Request(messages or (user("Say hello."),), stream=stream)
    return [said async for said in bridge.turn(Ask("m365-copilot", request))]


def spoken(said: list[Said]) -> str:
    """Return the text of an answer; its end is checked on the way."""
    assert isinstance(said[-1], Finished) and isinstance(said[-2], Measured)
    return "".join(each.text for each in said if isinstance(each, TextDelta))


def lost(said: list[Said]) -> list[str]:
    """Return the names of what was lost."""
    return [each.what for each in said if isinstance(each, Lost)]


def everything(value: object) -> str:
    """Return a value as it would be shown anywhere: printed and as JSON."""
    try:
        return repr(value) + msgspec.json.encode(value).decode()
    except TypeError:
        return repr(value) + json.dumps(str(value))
