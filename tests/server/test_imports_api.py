"""Past usage over the owner's local API: one import at a time, seen to its end."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from llm_gateway.clients.watching import Watching
from llm_gateway.config import load
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.server.imports_api import ImportsApi, ImportView
from llm_gateway.tasks import Tasks
from pipeline_stage import Stage, on_stage
from rawhttp import Reply
from server_stage import DASHBOARD, OWNER, Door

ANSWER = {
    "type": "assistant",
    "requestId": "req_1",
    "sessionId": "s-1",
    "timestamp": "2023-10-14T22:13:10.000Z",
    "message": {
        "id": "msg_1",
        "model": "claude-opus-4-5",
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 5},
    },
}


class Desk:
    """The owner before a gateway, on a machine where Claude Code has been used."""

    def __init__(self, stage: Stage, home: Path) -> None:
        self.stage = stage
        self.failures: list[str] = []
        self.tasks = Tasks(lambda what, error: self.failures.append(what))
        logs = home / "user" / ".claude" / "projects" / "p"
        logs.mkdir(parents=True)
        self.log = logs / "s.jsonl"
        self.log.write_text(json.dumps(ANSWER) + "\n")
        self.loaded = load(flags={"home": home / "gateway"}, environ={})
        self.environ = {"HOME": str(home / "user")}
        watching = Watching(stage.ledger, stage.clock, "laptop", None)
        api = ImportsApi(stage.gateway, watching, self.tasks, lambda: (self.loaded, self.environ))
        self.door = Door(*api.routes())

    async def ask(self, method: str, body: bytes = b"", *, token: str = OWNER) -> Reply:
        return await self.door.ask("/api/imports", method=method, token=token, body=body)

    async def over(self) -> ImportView:
        """Return how an import ended."""
        async with asyncio.timeout(20):
            while not (view := msgspec.convert((await self.ask("GET")).json(), ImportView)).over:
                pass
        return view


def seated(home: Path, scene: Callable[[Desk], Awaitable[None]]) -> None:
    async def play(stage: Stage) -> None:
        desk = Desk(stage, home)
        await scene(desk)
        await desk.tasks.close()

    on_stage(home / "ledger", play)


def test_it_is_the_owners(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        for token in ("", DASHBOARD, desk.stage.key):
            assert (await desk.ask("POST", b"{}", token=token)).status == 401
            assert (await desk.ask("GET", token=token)).status == 401
        assert (await desk.ask("GET")).status == 404, "nothing was asked for"

    seated(tmp_path, scene)


def test_an_import_is_begun_and_seen_to_its_end(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        begun = await desk.ask("POST", b'{"clients":["claude-code"],"dry_run":true}')
        assert (begun.status, begun.json()["over"]) == (200, False)
        dry = await desk.over()
        assert (dry.error, [(each.client, each.answers, each.new) for each in dry.found]) == (
            "",
            [("claude-code", 1, 1)],
        )
        await desk.ask("POST", b"{}")
        (found,) = (await desk.over()).found
        assert (found.new, found.tokens_in, found.tokens_out) == (1, 10, 5)
        await desk.ask("POST", b"{}")
        assert (await desk.over()).found[0].new == 0
        recorded = (tmp_path / "ledger" / "audit.jsonl").read_text()
        assert recorded.count('"usage.import"') == 3 and '"claude-code"' in recorded

    seated(tmp_path, scene)


def test_what_is_asked_wrongly_is_refused(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        for body in (b"", b"[]", b'{"clients":5}', b'{"since":"7d"}'):
            assert (await desk.ask("POST", body)).status == 400
        await desk.ask("POST", b'{"clients":["nobody"]}')
        ended = await desk.over()
        assert ended.error.startswith("nobody writes no log that is known") and not ended.found

    seated(tmp_path, scene)


def test_there_is_one_at_a_time(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        await desk.ask("POST", b"{}")
        second = await desk.ask("POST", b"{}")
        assert second.status == 400 and "runs already" in str(second.error()["message"])
        await desk.over()
        assert (await desk.ask("POST", b"{}")).status == 200
        await desk.over()

    seated(tmp_path, scene)


def test_a_failure_is_told_and_ends_it(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        async def refuse(job: object) -> None:
            raise LedgerUnavailable("the database takes nothing")

        desk.stage.ledger.write = refuse  # type: ignore[method-assign, assignment]
        await desk.ask("POST", b"{}")
        assert (await desk.over()).error == "the database takes nothing"
        del desk.stage.ledger.write
        desk.environ = None  # type: ignore[assignment]
        await desk.ask("POST", b"{}")
        assert "defect" in (await desk.over()).error
        assert desk.failures == ["import past usage"]

    seated(tmp_path, scene)
