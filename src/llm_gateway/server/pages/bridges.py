"""The bridges' page: how far each can be reached, what helps, logging in, and the machines that dial in.

Of a login only an address, a code and what a person pastes pass here, never a token.
"""

import shlex
from collections.abc import Callable, Mapping
from urllib.parse import unquote

import msgspec

from llm_gateway.bridges.health import Action
from llm_gateway.config import Loaded
from llm_gateway.errors import NotFound
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.server.access import is_person
from llm_gateway.server.bridges_api import BridgesApi, BridgesView, BridgeView, LoginView
from llm_gateway.server.companion_routes import CompanionsApi, CompanionView
from llm_gateway.server.exposure import ExposureView, exposure_view
from llm_gateway.server.pages.answering import Answered, Question, answer
from llm_gateway.server.pages.answering import Said as Told
from llm_gateway.server.pages.bridge_chain import ChainStep, Said, chain_of, helps_of, said_of
from llm_gateway.server.pages.page import Asked, Page
from llm_gateway.server.sessions import Session
from llm_gateway.wire.headers import Headers

__all__ = [
    "BridgeCard",
    "BridgeLogin",
    "BridgeSmoke",
    "BridgesPage",
    "BridgesPageView",
    "ExposureBadge",
    "badge_of",
]

_PROMPT = "Reply with exactly: OK"


class BridgeCard(msgspec.Struct, frozen=True):
    """A bridge, its state in words, the steps to it, what helps, and what is done on its own machine.

    `name_there` is what it is called on the machine that it is on.
    """

    bridge: BridgeView
    said: Said
    steps: list[ChainStep]
    helps: Action | None
    name_there: str
    there: list[str]


class BridgeLogin(msgspec.Struct, frozen=True):
    """A login of a bridge: how far it is; None where nobody is at one."""

    name: str
    progress: LoginView | None


class BridgeSmoke(msgspec.Struct, frozen=True):
    """A tiny request through a bridge: the model that was asked, and what came of it."""

    name: str
    model: str
    answered: Answered


class ExposureBadge(msgspec.Struct, frozen=True):
    """Who can reach the gateway, in words with a tone."""

    tone: str
    words: str
    text: str
    url: str
    told: ExposureView


class BridgesPageView(msgspec.Struct, frozen=True):
    """What the page shows; `login` is the login that is asked for, `smoke` the request that was just sent.

    `may_remove` says whether who looks may let a companion in no longer.
    """

    bridges: list[BridgeCard]
    companions: list[CompanionView]
    exposure: ExposureBadge
    login: BridgeLogin | None = None
    smoke: BridgeSmoke | None = None
    may_remove: bool = False


class BridgesPage:
    """Make the page and answer what is pressed on it."""

    def __init__(
        self,
        bridges: BridgesApi,
        companions: CompanionsApi,
        gateway: Gateway,
        configured: Callable[[], tuple[Loaded, Mapping[str, str]]],
        url: Callable[[], str],
        session_of: Callable[[Headers], Session | None] = lambda headers: None,
    ) -> None:
        self._bridges = bridges
        self._companions = companions
        self._gateway = gateway
        self._configured = configured
        self._url = url
        self._session_of = session_of

    def pages(self) -> tuple[Page, ...]:
        """Return the page, and the pieces of it that an action renews."""
        begin = "Begin to log a bridge in, as a piece of the page of bridges"
        check = "One bridge, looked at anew"
        smoke = "Send one tiny request through a bridge, and show the reply and its row"
        remove = "Let a companion in no longer, as a piece of the page of bridges"
        return (
            Page("/bridges", "bridges", self.make, "Bridges: how far each can be reached, and what helps"),
            Page("/bridges/{}", "bridges", self.check, check, method="PUT", part="cards"),
            Page("/bridges/{}", "bridges", self.begin, begin, method="POST", part="login"),
            Page("/bridge-smokes/{}", "bridges", self.smoke, smoke, method="POST", part="smoke"),
            Page(
                "/companions/{}",
                "bridges",
                self.remove,
                remove,
                method="DELETE",
                part="companions",
                access="session",
            ),
        )

    async def make(self, asked: Asked) -> BridgesPageView:
        """Return all bridges as they were seen last; with `?look=1` anew where that is a while ago."""
        query = asked.query
        fresh = query.get("fresh", "") == "1"
        if fresh or query.get("look", "") == "1":
            found = await self._bridges.bridges_view(fresh=fresh)
        else:
            found = self._bridges.bridges_known()
        login = query.get("login", "")
        view = await self._view(found, await self._login(login) if login else None)
        may_remove = is_person(self._session_of(asked.exchange.headers))
        return msgspec.structs.replace(view, may_remove=may_remove)

    async def check(self, asked: Asked) -> BridgesPageView:
        """Look at one bridge anew, and return all."""
        await self._bridges.check(unquote(asked.rest))
        return await self._view(self._bridges.bridges_known())

    async def begin(self, asked: Asked) -> BridgesPageView:
        """Begin a login."""
        name = unquote(asked.rest)
        progress = await self._bridges.begun(name, asked.exchange)
        return await self._view(self._bridges.bridges_known(), BridgeLogin(name, progress))

    async def smoke(self, asked: Asked) -> BridgesPageView:
        """Send one tiny request through a bridge, by the pipeline, like any client's."""
        name = unquote(asked.rest)
        found = self._bridges.bridges_known()
        bridge = next((each for each in found.bridges if each.name == name), None)
        if bridge is None:
            raise NotFound(f"there is no bridge {name[:40]!r}")
        if not bridge.models:
            raise NotFound(f"{name} lists no models yet: nothing can be asked of it; check it again first")
        model = f"{name}/{bridge.models[0]}"
        answered = await answer(self._gateway, Question(model, (Told("user", _PROMPT),), "smoke"))
        view = await self._view(self._bridges.bridges_known())
        return msgspec.structs.replace(view, smoke=BridgeSmoke(name, model, answered))

    async def remove(self, asked: Asked) -> BridgesPageView:
        """Let a machine in no longer."""
        await self._companions.let_go(unquote(asked.rest), asked.exchange)
        return msgspec.structs.replace(await self._view(self._bridges.bridges_known()), may_remove=True)

    async def _view(self, found: BridgesView, login: BridgeLogin | None = None) -> BridgesPageView:
        loaded, _ = self._configured()
        told = exposure_view(loaded.home, loaded.settings.server, self._gateway.clock.now_us())
        companions = await self._companions.views()
        return BridgesPageView(
            [_card(each) for each in found.bridges], companions, badge_of(told, self._url()), login
        )

    async def _login(self, name: str) -> BridgeLogin:
        """Return how far a login is; nothing of it where nobody is at one, or no such bridge is here."""
        try:
            return BridgeLogin(name, await self._bridges.so_far(name, 0, 0))
        except NotFound:
            return BridgeLogin(name, None)


def badge_of(told: ExposureView, url: str) -> ExposureBadge:
    """Return who can reach the gateway in words: good where nobody but this machine can."""
    if told.reach == "loopback":
        text = "Only this machine can connect. A bind beyond it needs your confirmation."
        return ExposureBadge("good", "loopback: this machine alone", text, url, told)
    where = "every address" if told.reach == "wildcard" else told.host
    how = "TLS" if told.tls else "no TLS"
    from_ = ", ".join(told.allow_from) or "every network"
    words = f"{where}, {how}, from {from_}"
    if not told.allowed:
        return ExposureBadge("bad", f"refused: {words}", told.why, url, told)
    if told.warning:
        return ExposureBadge("bad" if not told.tls else "warn", words, told.warning, url, told)
    return ExposureBadge("warn", words, "Others than this machine can connect, as you confirmed.", url, told)


def _card(bridge: BridgeView) -> BridgeCard:
    name = bridge.name.partition("@")[0] if bridge.machine else bridge.name
    there = []
    if bridge.machine:
        there = [
            f"llm-gateway login {shlex.quote(name)}",
            "llm-gateway bridges check",
            "llm-gateway companion pause",
        ]
    return BridgeCard(bridge, said_of(bridge), chain_of(bridge), helps_of(bridge), name, there)
