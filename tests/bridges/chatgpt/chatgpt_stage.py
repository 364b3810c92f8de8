"""The bridge to a ChatGPT plan in front of the fake vendor, on a clock of the test's, with a browser."""

import asyncio
import http.client
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bridges.chatgpt.fake_accounts import CANARY
from bridges.chatgpt.fake_vendor import FakeOpenAi
from fakes import FakeClock
from llm_gateway.bridges.chatgpt.accounts import Accounts
from llm_gateway.bridges.chatgpt.bridge import ChatgptBridge, open_bridge
from llm_gateway.bridges.chatgpt.keeping import Store, open_store
from llm_gateway.bridges.chatgpt.places import places_of
from llm_gateway.bridges.chatgpt.session import Session
from llm_gateway.bridges.contract import Ask, LoginStep
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.events import TextDelta
from llm_gateway.canonical.parts import Role, Text
from llm_gateway.canonical.request import Message, Request
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.dialects.bridge.stream import Lost, Said
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Upstream
from scripted import Received, ScriptedUpstream

__all__ = [
    "MODEL",
    "Page",
    "Stage",
    "ask",
    "browse",
    "fault_of",
    "get",
    "lost",
    "played",
    "said_by",
    "spoken",
    "user",
]

MODEL = "gpt-5.6"


class Page:
    """What a browser was shown."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str]) -> None:
        self.status = status
        self.text = text
        self.headers = headers


def get(url: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Page:
    """Ask for one page, as a browser does."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", headers=dict(headers or {}))
        answer = connection.getresponse()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        return Page(answer.status, answer.read().decode(), fields)
    finally:
        connection.close()


def browse(url: str) -> Page:
    """Open a page and follow where it leads, which may be to a page that does not answer."""
    page = get(url)
    return get(page.headers["location"]) if page.status == 302 else page


class Stage:
    """What a scene plays with. `failures` are of tasks that nobody waited for: there are to be none."""

    def __init__(self, vendor: FakeOpenAi, upstream: ScriptedUpstream, folder: Path) -> None:
        self.vendor = vendor
        self.accounts = vendor.accounts
        self.upstream = upstream
        self.clock = FakeClock()
        self.folder = folder
        self.failures: list[BaseException] = []
        self.tasks = Tasks(lambda _, failure: self.failures.append(failure))
        self.pool = Pool(connect_timeout=2.0)
        self.environ = {
            "CHATGPT_API_URL": f"{upstream.url}/v1",
            "CHATGPT_LOGIN_URL": f"{upstream.url}/api/accounts",
        }

    def around(self, name: str = "chatgpt") -> Surroundings:
        """Return surroundings with a folder of this name."""
        return Surroundings(
            self.environ,
            self.clock,
            self.tasks,
            Upstream(self.pool, Patience(5.0, 5.0)),
            self.folder / name,
        )

    def open(self, settings: BridgeSettings | None = None, name: str = "chatgpt") -> ChatgptBridge:
        """Return a bridge of this stage's; its installation has this name."""
        return open_bridge(settings or BridgeSettings("chatgpt"), self.around(name))

    def store(self, name: str = "chatgpt") -> Store:
        """Return the files of an installation."""
        return open_store(self.folder / name, self.environ)

    def service(self) -> Accounts:
        """Return the sign-in service as the bridge sees it."""
        return Accounts(places_of(self.environ), self.around().upstream, self.clock)

    def session(self, name: str = "chatgpt") -> Session:
        """Return the tokens of an installation, as another process would have them."""
        return Session(self.store(name), self.service(), self.clock, self.tasks)

    def advance(self, seconds: float) -> None:
        """Let time pass, here and there."""
        self.clock.advance(seconds)
        self.accounts.now_s += seconds

    def asked(self, ending: str = "/responses") -> list[Received]:
        """Return the requests whose path ends so."""
        return [each for each in self.upstream.requests if each.target.partition("?")[0].endswith(ending)]

    async def log_in(self, bridge: ChatgptBridge) -> list[LoginStep]:
        """Sign in, with a person who agrees in a browser on this machine."""
        steps: list[LoginStep] = []
        browsing: asyncio.Future[Page] | None = None
        async for step in bridge.login():
            steps.append(step)
            if step.kind == "open":
                browsing = asyncio.ensure_future(asyncio.to_thread(browse, step.url))
        assert browsing is not None
        await browsing
        self.upstream.forget()
        return steps

    async def logged_in(self, settings: BridgeSettings | None = None) -> ChatgptBridge:
        """Return a bridge that somebody has signed in."""
        bridge = self.open(settings)
        await self.log_in(bridge)
        return bridge


def played(scene: Callable[[Stage], Awaitable[None]], folder: Path, *, wrongs: bool = False) -> None:
    """Run a scene; `wrongs` is whether the vendor may have been asked what nobody may ask it."""

    async def run(upstream: ScriptedUpstream, vendor: FakeOpenAi) -> None:
        stage = Stage(vendor, upstream, folder)
        vendor.accounts.now_s = stage.clock.now_us() / 1_000_000
        try:
            await scene(stage)
        finally:
            await stage.tasks.close()
            stage.pool.close()
        assert not stage.failures

    vendor = FakeOpenAi()
    with ScriptedUpstream(responders=(vendor.respond,)) as upstream:
        asyncio.run(run(upstream, vendor))
    assert wrongs or not vendor.accounts.violations


def user(text: str) -> Message:
    return said_by("user", text)


def said_by(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))


async def ask(bridge: ChatgptBridge, *messages: Message, request: Request | None = None) -> list[Said]:
    """Ask one turn and return all that was said."""
    asked = request or Request(messages or (user("Say hello."),), stream=True)
    return [said async for said in bridge.turn(Ask(MODEL, asked))]


async def fault_of(wanted: Awaitable[object]) -> BridgeFault:
    """Return the fault that something ends in, which tells nobody's secret."""
    try:
        await wanted
    except BridgeFault as caught:
        fault = caught
    else:
        raise AssertionError("there was no fault")
    assert CANARY not in fault.message
    return fault


def spoken(said: list[Said]) -> str:
    """Return the text of an answer."""
    return "".join(each.text for each in said if isinstance(each, TextDelta))


def lost(said: list[Said]) -> list[str]:
    """Return the names of what was lost."""
    return [each.what for each in said if isinstance(each, Lost)]
