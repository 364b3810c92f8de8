"""The dashboard API over real turns: what passed through the gateway is there, at once and for good."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from llm_gateway import __version__
from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.watching import Watching
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.errors import LedgerUnavailable, MalformedRequest
from llm_gateway.ledger.queries import MOST
from llm_gateway.ledger.reader import QueryTooSlow
from llm_gateway.ledger.sightings import Sighting
from llm_gateway.ledger.store import Rows
from llm_gateway.pipeline.handle import handle
from llm_gateway.providers.catalog import ProviderRow, Speaks
from llm_gateway.server.dashboard_api import DashboardApi
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import Stage, endpoint, on_stage, request
from rawhttp import Reply
from scripted import Gate, chat, faults
from server_stage import DASHBOARD, Door, home_files

Json = dict[str, object]


class Seat:
    """A dashboard before a gateway that answers requests."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        row = ProviderRow("first", "The first", "local", {"chat": Speaks("/v1")})
        self.fleet.add(row, [endpoint("first", stage.scripted.port)], presence="configured")
        self.refused = ""
        self.watching = Watching(stage.ledger, stage.clock, "here", None)
        self.api = DashboardApi(stage.gateway, self.fleet, self.watching, lambda: self.refused)
        self.door = Door(*self.api.routes(), metrics=stage.metrics)

    async def say(self, *headers: tuple[bytes, bytes], **fields: object) -> str:
        """Let a request pass through the gateway; return its id."""
        incoming = self.stage.incoming(request(**fields), *headers)
        await handle(incoming, self.stage.gateway, CHAT, CallPath("chat/completions"))
        told = incoming.field(b"x-llm-gateway-request-id")
        assert told is not None
        return told.decode()

    async def get(self, name: str) -> Json:
        return await self.door.json(f"/api/dashboard/{name}")

    async def refusal(self, name: str) -> Reply:
        reply = await self.door.ask(f"/api/dashboard/{name}", token=DASHBOARD)
        assert reply.status >= 400
        return reply

    async def ids(self, query: str = "") -> list[str]:
        return [str(row["id"]) for row in rows(await self.get(f"requests?{query}"), "requests")]


def rows(answer: Json, name: str) -> list[Json]:
    found = answer[name]
    assert isinstance(found, list)
    return found


def seated(home: Path, scene: Callable[[Seat], Awaitable[None]], *, closes_ledger: bool = False) -> None:
    on_stage(home, lambda stage: scene(Seat(stage)), closes_ledger=closes_ledger)


NAMES = ("health", "providers", "requests", "requests/x", "request-metrics", "clients")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_shown_without_the_dashboards_token(tmp_path: Path, name: str) -> None:
    async def scene(seat: Seat) -> None:
        for token in ("", "wrong", seat.stage.key):
            reply = await seat.door.ask(f"/api/dashboard/{name}", token=token)
            assert reply.status == 401, "a gateway key opens models, not the dashboard"

    seated(tmp_path, scene)


# health


def test_health_says_how_it_is(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        seat.stage.clock.advance(90.4)
        assert await seat.get("health") == {
            "status": "ok",
            "database": "connected",
            "version": __version__,
            "uptime_seconds": 90,
            "inflight": 0,
            "pid": os.getpid(),
            "advice": "",
            "unrecorded": 0,
            "configuration": "",
            "saved": "",
        }

    seated(tmp_path, scene)


def test_health_is_degraded_while_nothing_can_be_recorded(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        await seat.stage.ledger.close()
        incoming = seat.stage.incoming(request())
        await handle(incoming, seat.stage.gateway, CHAT, CallPath("chat/completions"))
        health = await seat.get("health")
        assert (health["status"], str(health["database"])[:21]) == ("degraded", "failing: the ledger i")
        assert health["advice"]

    seated(tmp_path, scene, closes_ledger=True)


def test_health_is_degraded_while_the_file_of_the_configuration_is_not_in_use(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        seat.refused = "gateway.toml:3: server.prot: unknown"
        health = await seat.get("health")
        assert (health["status"], health["configuration"]) == ("degraded", seat.refused)
        assert health["database"] == "connected"

    seated(tmp_path, scene)


# requests


def test_a_request_is_there_while_it_runs_and_after(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        seat.stage.scripted.queue((Gate("answer"), *chat.plain("m")))
        task = asyncio.create_task(seat.say((b"x-llm-gateway-caller", b"nightly")))
        await asyncio.to_thread(seat.stage.scripted.wait_gate, "answer")
        (row,) = rows(await seat.get("requests"), "requests")
        assert (row["status"], row["model"], row["provider"], row["tokens_in"]) == (
            "running",
            "m",
            "first",
            None,
        )
        assert (await seat.get("health"))["inflight"] == 1
        assert (await seat.get("request-metrics"))["running_requests"] == 1
        seat.stage.clock.advance(2.0)
        seat.stage.scripted.open("answer")
        turn_id = await task
        (row,) = rows(await seat.get("requests"), "requests")
        assert (row["id"], row["status"], row["latency_ms"]) == (turn_id, "ok", 2000.0)
        assert (row["caller"], row["client"]) == ("nightly (self-declared)", "openai-compatible")
        assert (row["tokens_in"], row["tokens_out"], row["at"]) == (40, 12, "2023-11-14T22:13:20.000Z")

    seated(tmp_path, scene)


def test_one_request_is_shown_with_its_tries(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        seat.stage.plan_by({"fast": ("down/m", "first/m")})
        turn_id = await seat.say(model="fast")
        detail = await seat.get(f"requests/{turn_id}")
        tries = rows(detail, "attempts")
        assert [(each["provider"], each["status"]) for each in tries] == [("down", 0), ("first", 200)]
        assert detail["request_bytes"] == len(request(model="fast"))
        (line,) = rows(await seat.get("requests"), "requests")
        assert detail["request"] == line

    seated(tmp_path, scene)


@pytest.mark.parametrize("turn_id", ["nothing", "x" * 500, "%00", "a/b"])
def test_a_request_that_is_not_there_is_404(tmp_path: Path, turn_id: str) -> None:
    async def scene(seat: Seat) -> None:
        reply = await seat.refusal(f"requests/{turn_id}")
        assert (reply.status, reply.error()["code"]) == (404, "not_found")
        assert len(str(reply.error()["message"])) < 100

    seated(tmp_path, scene)


def test_requests_come_in_pages_the_newest_first(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        made = [await seat.say() for _ in range(5)][::-1]
        first = await seat.get("requests?limit=2")
        assert [row["id"] for row in rows(first, "requests")] == made[:2]
        assert first["next"] == made[1]
        rest = await seat.get(f"requests?limit=3&before={first['next']}")
        assert [row["id"] for row in rows(rest, "requests")] == made[2:]
        assert (await seat.get(f"requests?before={made[-1]}")) == {"requests": [], "next": None}
        assert (await seat.get("requests"))["next"] is None

    seated(tmp_path, scene)


def test_requests_are_found_by_what_they_have(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        old = await seat.say((b"user-agent", b"aider/1"))
        seat.stage.clock.advance(3600)
        demo = await seat.say(model="demo/echo")
        seat.stage.scripted.queue(faults.failing(429))
        failed = await seat.say()
        assert await seat.ids("client=aider") == [old]
        assert await seat.ids("provider=demo") == [demo]
        assert await seat.ids("model=m") == [failed, old]
        assert await seat.ids("status=error") == [failed]
        assert await seat.ids("since=30m") == [failed, demo]
        assert await seat.ids("since=3601s&provider=first&status=ok&ignored=1") == [old]
        assert await seat.ids("until=59m&q=FIR") == [old] and await seat.ids("key=nobody") == []
        assert await seat.ids("since=999999d") == [failed, demo, old]
        assert await seat.ids("status=running") == []

    seated(tmp_path, scene)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        (f"limit={MOST + 1}", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=%C2%B2", "limit"),
        ("limit=00010000", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("since=yesterday", "since"),
        ("since=h", "since"),
        ("since=5", "since"),
        ("since=5w", "since"),
        ("since=%C2%B2h", "since"),
        ("since=1234567s", "since"),
        ("&".join(f"a{n}=1" for n in range(40)), None),
    ],
)
def test_a_question_that_cannot_be_understood_is_refused_with_its_parameter(
    tmp_path: Path, query: str, param: str | None
) -> None:
    async def scene(seat: Seat) -> None:
        reply = await seat.refusal(f"requests?{query}")
        assert (reply.status, reply.error()["param"]) == (400, param)
        assert len(str(reply.error()["message"])) < 200

    seated(tmp_path, scene)


def test_the_largest_page_is_allowed(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        assert await seat.ids(f"limit={MOST}&limit={MOST}") == []

    seated(tmp_path, scene)


def test_a_question_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        def slow(read: Rows) -> None:
            raise QueryTooSlow("the query took more than 10 s; ask for a shorter time")

        with pytest.raises(MalformedRequest, match="shorter time") as refused:
            await seat.api._read(slow)
        assert refused.value.param == "since"

    seated(tmp_path, scene)


# sums


def test_sums_are_over_a_day_unless_another_time_is_asked_for(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        await seat.say()
        seat.stage.clock.advance(86_401)
        await seat.say(model="demo/echo")
        await seat.say()
        seat.stage.scripted.queue(faults.failing(500))
        await seat.say()
        day = await seat.get("request-metrics")
        assert (day["total_requests"], day["tokens_in"], day["tokens_out"]) >= (3, 40, 12)
        assert day["since"] == "2023-11-14T22:13:21.000Z"
        assert day["success_rate"] == pytest.approx(2 / 3)
        assert day["top_model"] == "m"
        purposes = {row["name"]: row["requests"] for row in rows(day, "by_purpose")}
        assert purposes == {"request": 2, "demo": 1}
        assert (day["estimated_api_cost_avoided"], day["compression_operations"]) == (0.0, 0)
        assert (await seat.get("request-metrics?since=2d"))["total_requests"] == 4
        assert (await seat.get("request-metrics?since=999999d"))["since"] == "1970-01-01T00:00:00.000Z"

    seated(tmp_path, scene)


def test_with_nothing_there_sums_are_nothing(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        empty = await seat.get("request-metrics")
        assert (empty["total_requests"], empty["success_rate"], empty["top_model"]) == (0, None, "")

    seated(tmp_path, scene)


# the others


def test_providers_are_asked_and_shown_with_how_they_fared(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        await seat.say()
        seat.stage.scripted.queue(faults.failing(429))
        await seat.say()
        (provider,) = rows(await seat.get("providers"), "providers")
        assert (provider["name"], provider["state"], provider["models"]) == ("first", "ok", ["m"])
        assert (provider["requests"], provider["last_error"]) == (2, "upstream_status (429)")
        assert provider["last_ok_at"] == "2023-11-14T22:13:20.000Z"

    seated(tmp_path, scene)


def test_clients_are_shown_by_what_came_through(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        await seat.say((b"user-agent", b"Codex Desktop/1"))
        await seat.say((b"user-agent", b"aider/1"))
        told = await seat.get("clients")
        shown = {str(row["id"]): row for row in rows(told, "clients")}
        assert (shown["codex-desktop"]["status"], shown["codex-desktop"]["tracked_requests"]) == ("live", 1)
        assert (shown["aider"]["status"], shown["aider"]["machine"]) == ("live", "here")
        assert shown["chatgpt"]["status"] == "not-connected"
        assert (told["running"], told["captured"]) == (2, 2)

    seated(tmp_path, scene)


def test_a_client_that_passes_us_by_is_shown_with_what_helps(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        await seat.say((b"user-agent", b"aider/1"))
        now = seat.stage.clock.now_us()
        direct = Sighting("aider", "", "log", "1", now, Usage(3, output=4))
        await seat.watching.receive([direct])
        (aider,) = [row for row in rows(await seat.get("clients"), "clients") if row["id"] == "aider"]
        coverage = aider["coverage"]
        assert isinstance(coverage, dict)
        assert (coverage["verdict"], coverage["share"], coverage["seen_requests"]) == ("partly", 0.5, 2)
        assert aider["fix"] == "llm-gateway connect aider" and aider["reason"]

    seated(tmp_path, scene)


def test_neither_prompts_nor_secrets_are_stored_or_shown(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        turn_id = await seat.say(messages=[{"role": "user", "content": "my darkest secret"}])
        told = repr([await seat.get(name) for name in (*NAMES[:3], "requests", f"requests/{turn_id}")])
        for secret in ("my darkest secret", chat.TEXT, seat.stage.key, "sk-upstream-secret"):
            assert secret not in told
            assert secret.encode() not in home_files(tmp_path)

    seated(tmp_path, scene)


def test_a_failing_database_is_no_defect_that_costs_the_process(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        def failing(read: Rows) -> None:
            raise LedgerUnavailable("the disk is gone")

        with pytest.raises(LedgerUnavailable):
            await seat.api._read(failing)

    seated(tmp_path, scene)
