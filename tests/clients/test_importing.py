"""Past use from logs, with a real ledger: all of it, once, and what came through here is recognised."""

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import Failures, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.coverage import Known, Uses, cover_all
from llm_gateway.clients.importing import Importing, importing
from llm_gateway.clients.looking import Logs
from llm_gateway.clients.past_use import ImportFailed, Wish
from llm_gateway.clients.watching import Watching
from llm_gateway.config import load
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.coverage import passed_by
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.sightings import log_positions, since
from llm_gateway.ledger.usage import Asked, usage

NOW = 1_700_000_000_000_000
DAY = 86_400 * 1_000_000
USED = Usage(uncached=10, output=5)


class Desk:
    """A ledger, and a machine whose one application has written logs for a year."""

    def __init__(self, home: Path, ledger: Ledger, clock: FakeClock) -> None:
        self.ledger = ledger
        self.folder = home / "projects"
        self.folder.mkdir()
        self.watching = Watching(ledger, clock, "laptop", None)
        self.importing = Importing(ledger, clock, self.watching, lambda told: 7, self.logs)

    def logs(self) -> Logs:
        return [("claude-code", [("claude", self.folder / "*.jsonl")]), ("codex-cli", [])]

    def wrote(self, name: str, days_ago: float, *, file: str = "s.jsonl") -> None:
        """Let the application have written down an answer."""
        usage_ = {"input_tokens": 10, "output_tokens": 5}
        message = {
            "id": f"msg_{name}",
            "model": "claude-opus-4-5",
            "usage": usage_,
            "stop_reason": "end_turn",
        }
        line = {
            "type": "assistant",
            "message": message,
            "requestId": f"req_{name}",
            "sessionId": f"s-{name}",
            "timestamp": _iso(NOW - int(days_ago * DAY)),
        }
        with (self.folder / file).open("a") as log:
            log.write(json.dumps(line) + "\n")

    async def routed(self, name: str, days_ago: float) -> None:
        """Let that answer have come through the gateway."""
        begun = intent(
            self.ledger.new_id(), client="claude-code", at_us=NOW - int(days_ago * DAY) - 1_000_000
        )
        await self.ledger.begin(begun)
        await self.ledger.settle(settlement(begun.id, response_id=f"msg_{name}", usage=USED))


def _iso(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds")


def at_desk(home: Path, scene: Callable[[Desk], Awaitable[None]]) -> None:
    async def play() -> None:
        clock = FakeClock(NOW)
        ledger = await Ledger.open(home / "home", clock, on_failure=Failures())
        try:
            await scene(Desk(home, ledger, clock))
        finally:
            await ledger.close()

    asyncio.run(play())


def test_everything_there_is_is_imported_once(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        for days in (1, 90, 364):
            desk.wrote(f"a{days}", days)
        (first,) = await desk.importing.run(Wish())
        assert (first.client, first.answers, first.new, first.routed) == ("claude-code", 3, 3, 0)
        assert (first.tokens_in, first.tokens_out, first.value_nano, first.problems) == (30, 15, 21, ())
        assert (first.first_us, first.last_us) == (NOW - 364 * DAY, NOW - DAY)
        (again,) = await desk.importing.run(Wish())
        assert (again.answers, again.new, again.tokens) == (3, 0, 45)
        desk.wrote("more", 0.5)
        (more,) = await desk.importing.run(Wish())
        assert (more.answers, more.new) == (4, 1)
        (sums,) = await desk.ledger.read(usage, Asked(0, where={"source": "seen"}))
        assert (sums.sums.requests, sums.sums.total) == (4, 60)

    at_desk(tmp_path, scene)


def test_what_came_through_here_is_recognised_however_long_ago(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        for days in (1, 40):
            desk.wrote(f"a{days}", days)
            await desk.routed(f"a{days}", days)
        desk.wrote("beside", 40)
        (found,) = await desk.importing.run(Wish())
        assert (found.answers, found.new, found.routed) == (3, 3, 2)
        assert (found.tokens, found.value_nano) == (15, 7), "of what passed by alone"
        kept = await desk.ledger.read(since, 0)
        assert [bool(each.turn_id) for each in kept] == [True, False, True]
        by_source = {
            row.names: row.sums.requests for row in await desk.ledger.read(usage, Asked(0, by=("source",)))
        }
        assert by_source == {("routed",): 2, ("seen",): 1}, "nothing is counted twice"

    at_desk(tmp_path, scene)


def test_a_session_that_was_copied_into_another_log_is_told_once(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.wrote("a", 3)
        desk.wrote("a", 3, file="resumed.jsonl")
        desk.wrote("b", 2, file="resumed.jsonl")
        (dry,) = await desk.importing.run(Wish(dry_run=True))
        assert (dry.answers, dry.new) == (2, 2)
        (found,) = await desk.importing.run(Wish())
        assert (found.answers, found.new) == (2, 2)

    at_desk(tmp_path, scene)


def test_a_dry_run_writes_nothing_and_says_what_there_is(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.wrote("old", 40)
        await desk.importing.run(Wish())
        before = await desk.ledger.read(log_positions, "laptop", "claude-code")
        desk.wrote("new", 2)
        (dry,) = await desk.importing.run(Wish(dry_run=True))
        assert (dry.answers, dry.new, dry.tokens, dry.value_nano) == (2, 1, 30, 14)
        assert len(await desk.ledger.read(since, 0)) == 1
        assert await desk.ledger.read(log_positions, "laptop", "claude-code") == before

    at_desk(tmp_path, scene)


def test_only_what_is_not_older_and_only_those_that_are_named(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.wrote("old", 40)
        desk.wrote("new", 2)
        (recent,) = await desk.importing.run(Wish(since_us=NOW - 7 * DAY))
        assert (recent.answers, recent.new) == (1, 1)
        assert await desk.importing.run(Wish(("codex-cli",))) == []
        (rest,) = await desk.importing.run(Wish(("claude-code",)))
        assert (rest.answers, rest.new) == (2, 1), "what was left out before is still there to be read"
        with pytest.raises(
            ImportFailed, match="cursor writes no log that is known; there are claude-code, codex"
        ):
            await desk.importing.run(Wish(("cursor",)))

    at_desk(tmp_path, scene)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        (desk.folder / "broken.jsonl").write_text('{"type":"assistant","message":{"usage":\n')
        (found,) = await desk.importing.run(Wish())
        assert (found.answers, found.problems) == (0, ("lines that are not JSON: 1",))

    at_desk(tmp_path, scene)


def test_years_of_history_change_no_verdict(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        known = {"laptop": {"claude-code": Known(installed=True)}}
        for days in range(8, 400, 7):
            desk.wrote(f"a{days}", days)
        before = cover_all("laptop", known, Uses(), NOW)
        await desk.importing.run(Wish())
        week = NOW - 7 * DAY
        passed = tuple(await desk.ledger.read(passed_by, week))
        assert cover_all("laptop", known, Uses((), passed), NOW) == before
        desk.wrote("now", 0.1)
        await desk.importing.run(Wish())
        passed = tuple(await desk.ledger.read(passed_by, week))
        (verdict,) = cover_all("laptop", known, Uses((), passed), NOW)
        assert (verdict.verdict, verdict.seen_requests) == ("bypassing", 1)

    at_desk(tmp_path, scene)


def test_how_far_it_is_can_be_seen(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.wrote("a", 1)
        assert desk.importing.progress.client == ""
        await desk.importing.run(Wish(("claude-code",)))
        assert (desk.importing.progress.client, desk.importing.progress.answers) == ("claude-code", 1)
        assert desk.importing.progress.doing.startswith("recognising")

    at_desk(tmp_path, scene)


def test_a_ledger_that_takes_nothing_is_said(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.wrote("a", 1)

        async def refuse(job: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        desk.ledger.write = refuse  # type: ignore[method-assign, assignment]
        with pytest.raises(LedgerUnavailable, match="what clients used cannot be written down"):
            await desk.importing.run(Wish())

    at_desk(tmp_path, scene)


def test_it_reads_the_logs_of_this_machine_at_configured_prices(tmp_path: Path) -> None:
    user = tmp_path / "user"
    (user / ".claude" / "projects" / "p").mkdir(parents=True)
    (tmp_path / "gateway.toml").write_text(
        '[[prices.models]]\nmodel = "anthropic/claude-opus-4-5"\ninput = 1000000\noutput = 0\n'
    )

    async def scene(desk: Desk) -> None:
        desk.folder = user / ".claude" / "projects" / "p"
        desk.wrote("a", 1)
        loaded = load(flags={"home": tmp_path / "h", "config": tmp_path / "gateway.toml"}, environ={})
        made = importing(desk.ledger, FakeClock(NOW), desk.watching, loaded, {"HOME": str(user)})
        (found,) = await made.run(Wish(("claude-code",)))
        assert (found.answers, found.value_nano) == (1, 10 * 10**9)

    at_desk(tmp_path, scene)
