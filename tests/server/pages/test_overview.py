"""The first page: in both forms, empty, with requests, with hostile words, and the request that tests it."""

import json
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from llm_gateway.clients.coverage import Known
from llm_gateway.clients.watching import Watching
from llm_gateway.config import Server
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.pipeline.handle import handle
from llm_gateway.providers.catalog import ProviderRow, Speaks
from llm_gateway.server.surface import surface
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import Stage, endpoint, on_stage, request
from rawhttp import Reply
from scripted import Script
from server_stage import DASHBOARD, Door
from surface_stage import parts_of

HTML = (b"accept", b"text/html")
PART = (b"hx-request", b"true")
HOSTILE = "\"><script>alert(1)</script>'{{7*7}}"
SECTIONS = ("capture", "numbers", "tables")


class Machine:
    """What is found on a machine: an application that runs and is sent to its vendor."""

    def __init__(self, **known: Known) -> None:
        self.found = {name.replace("_", "-"): each for name, each in known.items()}

    def known(self) -> dict[str, Known]:
        return self.found

    def logs(self) -> list[tuple[str, list[tuple[str, Path]]]]:
        return []


class Seat:
    """Whoever looks at a gateway with one provider, `first`."""

    def __init__(self, stage: Stage, home: Path) -> None:
        self.stage = stage
        self.machine = Machine()
        self.refused = ""
        fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        row = ProviderRow("first", HOSTILE, "local", {"chat": Speaks("/v1")})
        fleet.add(row, [endpoint("first", stage.scripted.port)], presence="configured", models=("m",))
        fleet.add(ProviderRow("demo", "Demo", "builtin", {}), (), presence="built in", models=("echo",))
        fleet.members["first"].state = "ok"
        self.parts = msgspec.structs.replace(
            parts_of(stage, home),
            fleet=fleet,
            watching=Watching(stage.ledger, stage.clock, "laptop", lambda: self.machine),
            refused=lambda: self.refused,
        )
        self.door = Door(*surface(self.parts).all, metrics=stage.metrics)

    async def say(self, *headers: tuple[bytes, bytes], **fields: object) -> None:
        incoming = self.stage.incoming(request(**fields), *headers)
        await handle(incoming, self.stage.gateway, CHAT, CallPath("chat/completions"))

    async def page(self, target: str = "/", *headers: tuple[bytes, bytes]) -> str:
        reply = await self.door.ask(target, *(headers or (HTML,)), token=DASHBOARD)
        assert reply.status == 200, reply
        return reply.body.decode()

    async def view(self, target: str = "/") -> dict[str, object]:
        reply = await self.door.ask(target, token=DASHBOARD)
        assert reply.status == 200, reply
        found: dict[str, object] = json.loads(reply.body)
        return found

    async def test(self, body: bytes, *headers: tuple[bytes, bytes]) -> Reply:
        kind = (b"content-type", b"application/json")
        return await self.door.ask("/test-request", kind, *headers, method="POST", token=DASHBOARD, body=body)


def seated(
    home: Path, scene: Callable[[Seat], Awaitable[None]], *responders: Callable[..., Script | None]
) -> None:
    async def play(stage: Stage) -> None:
        await scene(Seat(stage, home))

    if responders:
        on_stage(home, play, responders=responders)
    else:
        on_stage(home, play)


def test_an_empty_gateway_says_how_to_begin(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        seat.machine = Machine(codex_cli=Known(installed=True, running=True, points_at="vendor"))
        page = await seat.page()
        assert "Begin in three steps" in page and "Send a test request" in page
        assert "llm-gateway keys create NAME" in page
        assert "llm-gateway connect codex-cli" in page and "http://127.0.0.1:8787/v1" in page
        assert "0 of 1 running AI clients go through the gateway" in page
        view = await seat.view()
        assert view["requests"] == [] and view["start"]
        assert 'id="hours-table"' not in page

    seated(tmp_path, scene)


def test_with_requests_it_shows_figures_charts_and_rows(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        for _ in range(12):
            await seat.say((b"user-agent", b"codex_cli_rs/1"))
        await seat.say(model="nobody/x")
        page, view = await seat.page(), await seat.view()
        numbers, capture = view["numbers"], view["capture"]
        assert isinstance(numbers, dict) and isinstance(capture, dict)
        assert (numbers["requests"], numbers["tokens_in"], numbers["failed"]) == (13, 480, 1)
        assert numbers["success_rate"] == pytest.approx(12 / 13)
        assert (capture["captured"], capture["told"]) == (
            1,
            "The one running AI client goes through the gateway",
        )
        assert len(view["requests"]) == 10 and view["start"] is None  # type: ignore[arg-type]
        assert page.count('data-row>\n<td><a href="/requests/') == 10
        for told in ("92.3 % went well", "Yesterday", "How it is computed", "Send a test request"):
            assert told in page
        assert 'id="hours-table"' in page and 'id="days-table"' in page
        assert "12 went well, 0 failed, 0 cancelled in the last 24 hours" in page

    seated(tmp_path, scene)


@pytest.mark.parametrize("since", ["24h", "7d", "30d", "90d"])
def test_the_time_is_in_the_address(tmp_path: Path, since: str) -> None:
    async def scene(seat: Seat) -> None:
        await seat.say()
        page = await seat.page(f"/?since={since}")
        assert f'<a href="/?since={since}" aria-current="true">' in page
        assert f"Requests, last {since}" in page
        assert (await seat.view(f"/?since={since}"))["since"] == since

    seated(tmp_path, scene)


def test_a_time_that_there_is_not_is_refused(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        reply = await seat.door.ask("/?since=%3Cb%3E", HTML, token=DASHBOARD)
        assert reply.status == 400 and b"since=&#39;&lt;b&gt;&#39;" in reply.body

    seated(tmp_path, scene)


def test_hostile_words_are_shown_and_do_nothing(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        seat.machine = Machine(
            codex_cli=Known(installed=True, running=True, points_at=HOSTILE, evidence=(HOSTILE,))
        )
        seat.refused = HOSTILE
        await seat.say(
            (b"x-llm-gateway-client", HOSTILE.encode()), (b"x-llm-gateway-caller", HOSTILE.encode())
        )
        await seat.say(model=HOSTILE)
        pages = [await seat.page("/?todo=all")]
        pages += [await seat.page(f"/overview/{each}", PART) for each in SECTIONS]
        reply = await seat.test(json.dumps({"model": HOSTILE}).encode(), HTML)
        pages.append(reply.body.decode())
        assert reply.status == 200 and "&lt;script&gt;" in pages[-1]
        for page in pages:
            assert "<script>" not in page and "alert(1)</script>" not in page

    seated(tmp_path, scene)


@pytest.mark.parametrize("section", SECTIONS)
def test_a_piece_is_what_the_page_has(tmp_path: Path, section: str) -> None:
    async def scene(seat: Seat) -> None:
        await seat.say()
        page, piece = await seat.page(), await seat.page(f"/overview/{section}", PART)
        assert "<html" not in piece and piece.strip() in page
        assert set(await seat.view(f"/overview/{section}")) <= set(await seat.view())

    seated(tmp_path, scene)


def test_at_most_five_things_are_to_do_until_all_are_asked_for(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        away = Known(installed=True, running=True, points_at="vendor")
        seat.machine = Machine(
            codex_cli=away, claude_code=away, opencode=away, gemini_cli=away, aider=away, goose=away
        )
        page = await seat.page()
        assert page.count('class="button" href="/clients?client=') == 5
        assert 'href="/?todo=all#todo">and 1 more</a>' in page
        page = await seat.page("/?todo=all")
        assert page.count('class="button" href="/clients?client=') == 6 and "1 more" not in page
        assert 'data-renew="/overview/capture?todo=all"' in page

    seated(tmp_path, scene)


def test_an_exposure_that_is_not_confirmed_is_told(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        parts = msgspec.structs.replace(seat.parts, server=Server(host="10.0.0.1"))
        seat.door = Door(*surface(parts).all)
        assert "The gateway may not listen where it is told to" in await seat.page()

    seated(tmp_path, scene)


def test_where_all_is_well_it_says_so(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        page = await seat.page()
        assert "Nothing needs you" in page and "No AI client is running now" in page

    seated(tmp_path, scene)


def test_a_page_does_not_wait_for_a_long_look(tmp_path: Path) -> None:
    class Slow(Machine):
        def known(self) -> dict[str, Known]:
            gate.wait(10)
            return super().known()

    gate = threading.Event()

    async def scene(seat: Seat) -> None:
        seat.machine = Slow(codex_cli=Known(installed=True, running=True, points_at="vendor"))
        page = await seat.page()
        assert "Looking for AI clients" in page and "Nothing needs you" not in page
        assert 'data-renew="/overview/tables" data-every="1.5"' in page
        gate.set()
        assert "0 of 1 running AI clients go through" in await seat.page("/overview/capture", PART)
        capture = (await seat.view())["capture"]
        assert isinstance(capture, dict) and capture["running"] == 1

    seated(tmp_path, scene)


def test_a_test_request_shows_its_answer_and_the_row_that_it_made(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        reply = await seat.test(b"{}", HTML)
        turn = await seat.stage.turn()
        assert reply.status == 200 and f'href="/requests/{turn.intent.id}"'.encode() in reply.body
        assert (turn.intent.purpose, turn.intent.client) == ("smoke", "llm-gateway-dashboard")
        view = await seat.view()
        assert "llm-gateway-dashboard" not in json.dumps(view["clients"])
        told = json.loads((await seat.test(b'{"model":"demo/echo"}')).body)["tested"]["answered"]
        assert "This is the demo" in told["text"] and told["request"]["caller"] == "dashboard"

    seated(tmp_path, scene)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"model":1}', b'{"model":"x","more":1}'])
def test_a_test_request_that_is_none_is_refused(tmp_path: Path, body: bytes) -> None:
    async def scene(seat: Seat) -> None:
        assert (await seat.test(body)).status == 400

    seated(tmp_path, scene)


def test_a_test_request_that_fails_says_why(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        reply = await seat.test(b'{"model":"nobody/x"}', HTML)
        assert reply.status == 200 and b"failed" in reply.body and b"nobody/x" in reply.body

    seated(tmp_path, scene)


def test_who_shows_nothing_sees_nothing(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        for section in SECTIONS:
            assert (await seat.door.ask(f"/overview/{section}")).status == 401
        assert (await seat.door.ask("/test-request", method="POST", body=b"{}")).status == 401
        assert (await seat.door.ask("/", HTML)).status == 303
        assert (await seat.door.ask("/")).body == b"LLM Gateway is running"

    seated(tmp_path, scene)
