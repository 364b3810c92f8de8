"""The bridges' page: each state, a login in the page, a test request, companions; nothing becomes markup."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from bridge_stage import Stage as BridgeStage
from llm_gateway.bridges.contract import LoginStep
from llm_gateway.bridges.engine import Bounds
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action, Health, Window
from llm_gateway.bridges.opening import Bridges
from llm_gateway.canonical.events import TextDelta
from llm_gateway.companion.opening import Companions
from llm_gateway.config import Loaded, Server, Settings
from llm_gateway.providers.catalog import BridgeRow, ProviderRow
from llm_gateway.providers.names import Directory
from llm_gateway.server.bridges_api import BridgesApi
from llm_gateway.server.companion_routes import CompanionsApi
from llm_gateway.server.exposure import ExposureView, exposure_view
from llm_gateway.server.pages.bridges import BridgesPage, badge_of
from llm_gateway.server.pages.page import Frame
from llm_gateway.server.sessions import Session
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import Stage, on_stage
from rawhttp import Reply
from server_stage import DASHBOARD, OWNER, Door
from surface_stage import no_companions

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
SCRIPT_URL = "javascript:alert(1)"
STATES = (
    "disabled",
    "not_installed",
    "starting",
    "auth_required",
    "consent_required",
    "not_entitled",
    "rate_limited",
    "degraded",
    "busy",
    "unreachable",
    "version_mismatch",
    "error",
)
HTML = (b"accept", b"text/html")


def row(label: str = "B") -> ProviderRow:
    bridge = BridgeRow("b", "its owner's alone", program="b-cli")
    return ProviderRow("b", label, "subscription", {}, docs="https://b.example", bridge=bridge)


class Desk:
    """Somebody before the pages of a gateway with one bridge."""

    def __init__(self, stage: Stage, home: Path, label: str) -> None:
        self.stage = stage
        self.session: Session | None = None
        self.bridge_stage = BridgeStage(Bounds())
        self.bridge = self.bridge_stage.bridge
        self.engine = self.bridge_stage.engine
        fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        bridges = Bridges({"b": row(label)}, {"b": self.engine}, (), self.bridge_stage.tasks, lambda: fleet)
        self.companions: Companions = no_companions(stage, fleet)
        api = BridgesApi(bridges, stage.ledger, self.companions)
        loaded = Loaded(Settings(), {}, home, home / "gateway.toml")
        page = BridgesPage(
            api,
            CompanionsApi(self.companions.registry, self.companions.hub, lambda exchange: "session 1"),
            stage.gateway,
            lambda: (loaded, {}),
            lambda: "http://127.0.0.1:8787",
            lambda headers: self.session,
        )
        frame = Frame(stage.clock, lambda exchange: "", lambda: "ok")
        self.door = Door(*api.routes(), *(frame.route(each) for each in page.pages()))
        stage.engines["b"] = self.engine
        stage.router.replace(Directory({"b": ("m",)}, {}), {}, stage.engines)

    async def ask(self, method: str, target: str, *headers: tuple[bytes, bytes], body: bytes = b"") -> Reply:
        return await self.door.ask(target, *headers, method=method, token=DASHBOARD, body=body)

    async def html(self, target: str, method: str = "GET") -> str:
        reply = await self.ask(method, target, HTML)
        assert reply.status == 200, reply
        return reply.body.decode()

    async def shown(self, health: Health) -> str:
        self.bridge.state = health
        return await self.html("/bridges?fresh=1")


def seated(home: Path, scene: Callable[[Desk], Awaitable[None]], label: str = "B") -> None:
    async def play(stage: Stage) -> None:
        desk = Desk(stage, home, label)
        await scene(desk)
        await desk.engine.close()
        await desk.bridge_stage.tasks.close()

    on_stage(home, play)


def test_every_state_is_said_in_words_with_its_step(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        for state in STATES:
            html = await desk.shown(msgspec.convert({"state": state, "reason": f"why {state}"}, Health))
            assert f"why {state}" in html and 'class="pill good">answers' not in html
            assert html.count('<li class="fails">') + html.count('<li class="waits">') == 1
        assert "ready, not proven" in await desk.shown(Health("ok", verified="login_seen"))
        proven = await desk.shown(Health("ok", verified="turn_succeeded"))
        assert '<span class="pill good">answers</span>' in proven and proven.count('<li class="done">') == 6

    seated(tmp_path, scene)


def test_what_is_known_is_there_at_once_and_nobody_is_asked(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        html = await desk.html("/bridges")
        assert "starting" in html and "data-look" in html and desk.bridge.looks == 0
        html = await desk.html("/bridges?look=1&part=cards")
        assert desk.bridge.looks == 1 and "ready, not proven" in html and "data-look" not in html
        await desk.html("/bridges/b", "PUT")
        assert desk.bridge.looks == 2

    seated(tmp_path, scene)


def test_a_program_gets_the_same_as_json(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.bridge.state = Health("rate_limited", "used up", windows=(Window("5 hours", 1.0),))
        told = (await desk.ask("GET", "/bridges?fresh=1")).json()
        (card,) = msgspec.convert(told["bridges"], list[dict[str, object]])
        assert msgspec.convert(card["said"], dict[str, str])["words"] == "quota used up"
        assert msgspec.convert(told["exposure"], dict[str, object])["tone"] == "good"
        assert told["login"] is None and told["companions"] == []

    seated(tmp_path, scene)


def test_what_others_say_is_text_and_no_markup(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        html = await desk.shown(
            Health(
                "consent_required",
                HOSTILE,
                Action(HOSTILE, command=HOSTILE, url=SCRIPT_URL, code=HOSTILE),
                account=HOSTILE,
                version=HOSTILE,
                last_error=HOSTILE,
                windows=(Window(HOSTILE, 0.5),),
            )
        )
        assert "<script>alert" not in html and "<img" not in html
        assert SCRIPT_URL in html and f'href="{SCRIPT_URL}' not in html
        assert "&lt;script&gt;" in html

    seated(tmp_path, scene, HOSTILE)


def test_a_login_is_gone_through_in_the_page(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def scene(desk: Desk) -> None:
        async def login() -> AsyncIterator[LoginStep]:
            yield LoginStep("code", "enter it there", url="https://b.example/device", code="AB-CD")
            await go.wait()
            yield LoginStep("done", "you are logged in")

        desk.bridge.login = login  # type: ignore[method-assign]
        assert "Nobody is logging this bridge in" in await desk.html("/bridges?login=b")
        begun = await desk.html("/bridges/b", "POST")
        assert begun.lstrip().startswith('<div id="login"')
        assert '<a href="https://b.example/device"' in begun and 'data-copy="AB-CD"' in begun
        assert 'data-seen="1"' in begun and "data-over" not in begun
        assert "AB-CD" in await desk.html("/bridges?login=b"), "a page that is loaded anew goes on"
        go.set()
        assert (await desk.ask("GET", "/api/bridge-logins/b?seen=1")).json()["over"] is True
        assert "It is done" in await desk.html("/bridges?login=b&part=login")

    seated(tmp_path, scene)


def test_a_login_asks_for_what_is_to_be_pasted_and_says_why_it_failed(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        heard: list[str] = []
        pasted = asyncio.Event()

        async def login() -> AsyncIterator[LoginStep]:
            yield LoginStep("open", "sign in", url=SCRIPT_URL)
            yield LoginStep("paste", HOSTILE)
            await pasted.wait()
            raise BridgeFault("auth_required", HOSTILE)

        async def answered(step: str) -> None:
            heard.append(step)
            pasted.set()

        desk.bridge.login = login  # type: ignore[method-assign]
        desk.bridge.answered = answered  # type: ignore[method-assign]
        await desk.html("/bridges/b", "POST")
        await desk.ask("GET", "/api/bridge-logins/b?seen=1")
        html = await desk.html("/bridges?login=b")
        assert 'hx-put="/api/bridge-logins/b"' in html and f'href="{SCRIPT_URL}' not in html
        assert "<script>alert" not in html
        await desk.ask("PUT", "/api/bridge-logins/b", body=b'{"text":"the address"}')
        await desk.ask("GET", "/api/bridge-logins/b?seen=2")
        html = await desk.html("/bridges?login=b")
        assert heard == ["the address"] and "It failed: &lt;script&gt;" in html and "the address" not in html

    seated(tmp_path, scene)


def test_a_test_request_shows_its_reply_and_its_row(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        assert (await desk.ask("POST", "/bridge-smokes/b", HTML)).status == 404, "nothing is known of it yet"
        await desk.html("/bridges?look=1")
        desk.bridge.says[0] = TextDelta(HOSTILE)
        html = await desk.html("/bridge-smokes/b", "POST")
        assert "Test request to b/m" in html and "&lt;script&gt;" in html and "<script>alert" not in html
        assert 'id="r-' in html and len(desk.bridge.asked) == 1
        assert (await desk.ask("POST", "/bridge-smokes/other", HTML)).status == 404
        assert "answers" in await desk.html("/bridges")

    seated(tmp_path, scene)


def test_companions_are_shown_and_removed(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        assert "llm-gateway enroll MACHINE" in await desk.html("/bridges")
        await desk.companions.registry.invite("mac", "ada", ("claude",))
        html = await desk.html("/bridges")
        assert "llm-gateway companions revoke mac" in html and "invited" in html
        assert (await desk.ask("DELETE", "/companions/mac", HTML)).status == 401, "a token is no person"
        html = (await desk.door.ask("/companions/mac", HTML, method="DELETE", token=OWNER)).body.decode()
        (entry,) = desk.stage.ledger.audit.latest(1)
        assert (entry.action, entry.actor) == ("companion.revoke", "session 1")
        assert html.lstrip().startswith('<section class="card" id="companions"') and ">mac<" not in html
        gone = await desk.door.ask("/companions/mac", HTML, method="DELETE", token=OWNER)
        assert gone.status == 404

    seated(tmp_path, scene)


def test_who_is_signed_in_as_a_person_has_a_button_to_remove_them(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        await desk.companions.registry.invite("mac", "", ())
        desk.session = Session("s", "link", "", "a browser", "the-csrf", 0, 0, 0)
        assert 'hx-delete="/companions/mac"' in await desk.html("/bridges")
        desk.session = msgspec.structs.replace(desk.session, how="token")
        assert "hx-delete" not in await desk.html("/bridges")

    seated(tmp_path, scene)


def told(**fields: object) -> ExposureView:
    return msgspec.convert(
        {
            "reach": "address",
            "host": "192.168.1.5",
            "port": 8787,
            "tls": True,
            "allow_from": [],
            "allowed": True,
        }
        | fields,
        ExposureView,
    )


@pytest.mark.parametrize(
    ("view", "tone", "words"),
    [
        (told(reach="loopback", host="127.0.0.1", tls=False), "good", "loopback: this machine alone"),
        (told(allow_from=["10.0.0.0/8"]), "warn", "192.168.1.5, TLS, from 10.0.0.0/8"),
        (told(warning="every network may connect"), "warn", "192.168.1.5, TLS, from every network"),
        (told(tls=False, warning="readable"), "bad", "192.168.1.5, no TLS, from every network"),
        (
            told(reach="wildcard", allowed=False, why="no"),
            "bad",
            "refused: every address, TLS, from every network",
        ),
    ],
)
def test_the_badge_says_who_can_connect(view: ExposureView, tone: str, words: str) -> None:
    badge = badge_of(view, "https://192.168.1.5:8787")
    assert (badge.tone, badge.words) == (tone, words)


def test_it_is_the_exposure_that_is_configured(tmp_path: Path) -> None:
    assert badge_of(exposure_view(tmp_path, Server(), 0), "http://127.0.0.1:1").tone == "good"
