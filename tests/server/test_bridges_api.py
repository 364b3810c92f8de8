"""Bridges over the dashboard API: how they are, logins step by step, pauses, each on record."""

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
from llm_gateway.errors import NotFound
from llm_gateway.providers.catalog import BridgeRow, ProviderRow
from llm_gateway.server.bridges_api import BridgesApi, BridgeView, bridge_view
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import Stage, on_stage
from rawhttp import Reply
from server_stage import DASHBOARD, Door
from surface_stage import no_companions

ROW = ProviderRow(
    "b", "B", "subscription", {}, docs="https://b.example", bridge=BridgeRow("b", "its owner's alone")
)
CODE = LoginStep("code", "enter it there", url="https://b.example/device", code="ABCD")


class Desk:
    """Somebody before a gateway with one bridge."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.bridge_stage = BridgeStage(Bounds())
        self.bridge = self.bridge_stage.bridge
        self.engine = self.bridge_stage.engine
        fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        bridges = Bridges({"b": ROW}, {"b": self.engine}, (), self.bridge_stage.tasks, lambda: fleet)
        companions = no_companions(stage, fleet)
        self.api = BridgesApi(bridges, stage.ledger, companions, lambda exchange: "ada@example.org")
        self.door = Door(*self.api.routes())

    async def ask(self, method: str, target: str, body: bytes = b"", *, token: str = DASHBOARD) -> Reply:
        return await self.door.ask(target, method=method, token=token, body=body)

    async def only(self) -> BridgeView:
        """Return the one bridge as it is listed, looked at anew."""
        reply = await self.ask("GET", "/api/dashboard/bridges?fresh=1")
        (shown,) = msgspec.convert(reply.json()["bridges"], list[BridgeView])
        return shown


def seated(home: Path, scene: Callable[[Desk], Awaitable[None]]) -> None:
    async def play(stage: Stage) -> None:
        desk = Desk(stage)
        await scene(desk)
        await desk.engine.close()
        await desk.bridge_stage.tasks.close()

    on_stage(home, play)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/dashboard/bridges"),
        ("POST", "/api/bridge-logins/b"),
        ("GET", "/api/bridge-logins/b"),
        ("PUT", "/api/bridge-logins/b"),
        ("DELETE", "/api/bridge-logins/b"),
        ("POST", "/api/bridge-logouts/b"),
        ("POST", "/api/bridge-pauses/b"),
        ("DELETE", "/api/bridge-pauses/b"),
    ],
)
def test_they_are_for_who_has_the_dashboards_token(tmp_path: Path, method: str, path: str) -> None:
    async def scene(desk: Desk) -> None:
        for token in ("", desk.stage.key):
            assert (await desk.ask(method, path, token=token)).status == 401
        if "{}" not in path and path.startswith("/api/bridge-"):
            unknown = await desk.ask(method, path[:-1] + "other", b'{"text":"x"}')
            assert unknown.status == 404
            assert "in use: b" in str(unknown.error()["message"])

    seated(tmp_path, scene)


def test_a_bridge_is_shown_as_it_is(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.bridge.state = Health(
            "auth_required",
            "nobody is logged in",
            Action("log in", command="llm-gateway login b"),
            version="1.2",
            windows=(Window("5 hours", 0.5, 1_700_000_000_000_000),),
        )
        shown = await desk.only()
        assert (shown.state, shown.reason, shown.verified) == ("auth_required", "nobody is logged in", "none")
        assert shown.action == Action("log in", command="llm-gateway login b")
        assert shown.windows[0].resets_at == "2023-11-14T22:13:20.000Z"
        assert (shown.terms, shown.docs) == ("its owner's alone", "https://b.example")
        desk.bridge.state = Health("ok", verified="login_seen")
        shown = await desk.only()
        assert (shown.state, shown.verified, shown.models) == ("ok", "login_seen", ["m"])

    seated(tmp_path, scene)


def test_a_login_is_gone_through_and_looked_at(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        go = asyncio.Event()

        async def login() -> AsyncIterator[LoginStep]:
            yield CODE
            await go.wait()
            desk.bridge.state = Health("ok", verified="login_seen")
            yield LoginStep("done", "you are logged in")

        desk.bridge.login = login  # type: ignore[method-assign]
        desk.bridge.state = Health("auth_required", "nobody is logged in")
        first = (await desk.ask("POST", "/api/bridge-logins/b")).json()
        assert first["over"] is False
        assert first["steps"] == [msgspec.to_builtins(CODE)]
        go.set()
        assert len(str((await desk.ask("GET", "/api/bridge-logins/b?seen=1")).json()["steps"])) > 0
        last = (await desk.ask("GET", "/api/bridge-logins/b?seen=2")).json()
        assert (last["over"], last["error"]) == (True, "")
        assert desk.engine.models == ("m",), "it was looked at when the login was over"
        entries = (tmp_path / "audit.jsonl").read_text()
        assert '"bridge.login"' in entries

    seated(tmp_path, scene)


def test_what_cannot_be_pasted_or_counted_is_refused(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        assert (await desk.ask("GET", "/api/bridge-logins/b")).status == 404, "nobody logs in"
        assert (await desk.ask("PUT", "/api/bridge-logins/b", b"{}")).status == 400
        pasted = await desk.ask("PUT", "/api/bridge-logins/b", b'{"text":"x"}')
        assert (pasted.status, pasted.error()["message"]) == (400, "nothing was asked")
        await desk.ask("POST", "/api/bridge-logins/b")
        assert (await desk.ask("GET", "/api/bridge-logins/b?seen=-1")).status == 400
        assert (await desk.ask("DELETE", "/api/bridge-logins/b")).status == 200

    seated(tmp_path, scene)


def test_a_pause_lasts_until_it_is_over(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        paused = (await desk.ask("POST", "/api/bridge-pauses/b")).json()
        assert paused["state"] == "disabled"
        assert (await desk.bridge_stage.ask()).status == 403
        assert (await desk.ask("DELETE", "/api/bridge-pauses/b")).json()["state"] == "ok"
        told = [(each.action, each.actor) for each in desk.stage.ledger.audit.latest(2)]
        assert told == [("bridge.resume", "ada@example.org"), ("bridge.pause", "ada@example.org")]
        answer = await desk.bridge_stage.ask()
        assert answer.status == 200
        answer.release()

    seated(tmp_path, scene)


def test_a_logout_that_fails_says_why(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        async def logout() -> None:
            raise BridgeFault("bridge_failed", "the vendor's program does not answer")

        assert (await desk.ask("POST", "/api/bridge-logouts/b")).json()["state"] == "ok"
        desk.bridge.logout = logout  # type: ignore[method-assign]
        refused = await desk.ask("POST", "/api/bridge-logouts/b")
        assert refused.status == 502
        assert refused.error()["message"] == "the vendor's program does not answer"

    seated(tmp_path, scene)


def test_a_logout_that_never_ends_is_given_up(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        async def logout() -> None:
            await asyncio.sleep(60)

        desk.api.patience = 0.05
        desk.bridge.logout = logout  # type: ignore[method-assign]
        refused = await desk.ask("POST", "/api/bridge-logouts/b")
        assert refused.status == 502 and "was not logged out" in str(refused.error()["message"])

    seated(tmp_path, scene)


def test_what_is_elsewhere_says_where() -> None:
    assert bridge_view(ROW, Health("ok"), ("m",), "mac").machine == "mac"


def test_what_was_seen_last_is_known_without_asking(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        (known,) = desk.api.bridges_known().bridges
        assert (known.state, known.models, desk.bridge.looks) == ("starting", [], 0)
        assert (await desk.api.check("b")).state == "ok"
        (known,) = desk.api.bridges_known().bridges
        assert (known.state, known.models, desk.bridge.looks) == ("ok", ["m"], 1)
        desk.engine.pause(paused=True)
        assert desk.api.bridges_known().bridges[0].state == "disabled", "a pause is known at once"
        with pytest.raises(NotFound):
            await desk.api.check("other")

    seated(tmp_path, scene)
