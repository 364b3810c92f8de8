"""Looking after a machine's applications, with a real ledger: found, read, recognised, and nothing twice."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from fakes import FakeClock
from ledger_samples import Failures, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.coverage import Known
from llm_gateway.clients.watching import Watching
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.coverage import passed_by
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.sightings import Sighting, since
from llm_gateway.ledger.store import Row, Rows

USED = Usage(uncached=10, output=5)


class Machine:
    """A machine with one application, whose log is a file."""

    def __init__(self, home: Path) -> None:
        self.log = home / "projects" / "p" / "session.jsonl"
        self.log.parent.mkdir(parents=True)
        self.found = {"claude-code": Known(installed=True, evidence=("it is there",))}

    def known(self) -> Mapping[str, Known]:
        return self.found

    def logs(self) -> Sequence[tuple[str, Sequence[tuple[str, Path]]]]:
        return [("claude-code", [("claude", self.log.parent.parent / "**" / "*.jsonl")])]

    def answer(self, name: str, at: str = "2023-11-14T22:13:10.000Z") -> None:
        """Let the application write down an answer."""
        usage = {"input_tokens": 10, "output_tokens": 5}
        message = {"id": f"msg_{name}", "model": "claude-opus-4-5", "usage": usage, "stop_reason": "end_turn"}
        line = {
            "type": "assistant",
            "message": message,
            "requestId": f"req_{name}",
            "sessionId": "s-1",
            "timestamp": at,
            "version": "2.1.330",
        }
        with self.log.open("a") as log:
            log.write(json.dumps(line) + "\n")


Scene = Callable[[Ledger, Watching, Machine], Awaitable[None]]


def watched(home: Path, scene: Scene, *, closes: bool = True, clock: FakeClock | None = None) -> None:
    async def play(clock: FakeClock) -> None:
        ledger = await Ledger.open(home / "home", clock, on_failure=Failures())
        machine = Machine(home)
        try:
            await scene(ledger, Watching(ledger, clock, "laptop", lambda: machine), machine)
        finally:
            if closes:
                await ledger.close()

    asyncio.run(play(clock or FakeClock()))


async def answered(ledger: Ledger, response_id: str) -> str:
    """Let a turn pass through the gateway."""
    begun = intent(ledger.new_id(), client="claude-code", at_us=1_700_000_000_000_000 - 10_000_000)
    await ledger.begin(begun)
    await ledger.settle(settlement(begun.id, response_id=response_id, usage=USED))
    return begun.id


def told(name: str, source_mark: str = "") -> Sighting:
    at_us = 1_700_000_000_000_000 - 9_000_000
    return Sighting("claude-code", "", "otlp", source_mark or name, at_us, USED, request_id=f"req_{name}")


def test_what_is_found_is_kept(tmp_path: Path) -> None:
    async def scene(ledger: Ledger, watching: Watching, machine: Machine) -> None:
        await watching.look()
        assert await watching.known() == {"laptop": machine.found}
        machine.found = {"claude-code": Known(installed=True, running=True)}
        await watching.look()
        assert await watching.known() == {"laptop": machine.found}

    watched(tmp_path, scene)


def test_who_asks_is_told_what_is_there_now(tmp_path: Path) -> None:
    async def scene(ledger: Ledger, watching: Watching, machine: Machine) -> None:
        await watching.look_around(older_than=1.0)
        first, machine.found = machine.found, {"claude-code": Known(installed=True, running=True)}
        await watching.look_around(older_than=1.0)
        assert await watching.known() == {"laptop": first}
        await watching.look_around(older_than=0.0)
        assert await watching.known() == {"laptop": machine.found}

    watched(tmp_path, scene)


def test_what_has_not_changed_is_not_written_down_each_time(tmp_path: Path) -> None:
    clock = FakeClock()

    async def scene(ledger: Ledger, watching: Watching, machine: Machine) -> None:
        def times(rows: Rows) -> list[Row]:
            return rows.rows("SELECT at_us FROM detections")

        await watching.look_around(older_than=0.0)
        first = await ledger.read(times)
        clock.advance(30)
        await watching.look_around(older_than=0.0)
        assert await ledger.read(times) == first
        clock.advance(31)
        await watching.look_around(older_than=0.0)
        assert await ledger.read(times) != first

    watched(tmp_path, scene, clock=clock)


def test_what_came_through_is_told_from_what_passed_by(tmp_path: Path) -> None:
    async def scene(ledger: Ledger, watching: Watching, machine: Machine) -> None:
        turn = await answered(ledger, "msg_routed")
        machine.answer("routed")
        machine.answer("direct")
        await watching.look()
        kept = await ledger.read(since, 0)
        assert [(each.sighting.answer_id, each.turn_id) for each in kept] == [
            ("msg_routed", turn),
            ("msg_direct", ""),
        ]
        assert {each.sighting.machine for each in kept} == {"laptop"}
        await watching.look()
        assert await ledger.read(since, 0) == kept

    watched(tmp_path, scene)


def test_a_log_is_read_on_from_where_it_was(tmp_path: Path) -> None:
    async def scene(ledger: Ledger, watching: Watching, machine: Machine) -> None:
        for name in ("a", "b"):
            machine.answer(name)
            await watching.look()
        again = Watching(ledger, FakeClock(), "laptop", lambda: machine)
        await again.look()
        assert [each.sighting.answer_id for each in await ledger.read(since, 0)] == ["msg_a", "msg_b"]

    watched(tmp_path, scene)


def test_telemetry_and_log_tell_of_one_answer(tmp_path: Path) -> None:
    async def scene(ledger: Ledger, watching: Watching, machine: Machine) -> None:
        await watching.receive([told("a"), told("a")])
        machine.answer("a")
        machine.answer("b")
        await watching.look()
        kept = sorted(await ledger.read(since, 0), key=lambda each: each.seq)
        assert [(each.sighting.source, each.twin) for each in kept] == [("otlp", 0), ("log", 1), ("log", 0)]
        assert {each.sighting.machine for each in kept} == {"laptop"}
        uses = await ledger.read(passed_by, 0)
        assert sum(use.requests for use in uses) == 2

    watched(tmp_path, scene)


def test_what_is_received_is_recognised_without_a_look(tmp_path: Path) -> None:
    async def scene(ledger: Ledger, watching: Watching, machine: Machine) -> None:
        turn = await answered(ledger, "msg_a")
        named = msgspec.structs.replace(told("a"), answer_id="msg_a", machine="desk")
        await watching.receive([named])
        await watching.recognise()
        (kept,) = await ledger.read(since, 0)
        assert (kept.turn_id, kept.sighting.machine) == (turn, "desk")

    watched(tmp_path, scene)


def test_what_the_database_does_not_take_is_not_received(tmp_path: Path) -> None:
    async def scene(ledger: Ledger, watching: Watching, machine: Machine) -> None:
        await ledger.write(lambda store: store.write([("DROP TABLE sightings", ())]))
        with pytest.raises(LedgerUnavailable, match="cannot be written down"):
            await watching.receive([told("a")])

    watched(tmp_path, scene)


def test_a_turn_that_comes_late_is_recognised_all_the_same(tmp_path: Path) -> None:
    async def scene(ledger: Ledger, watching: Watching, machine: Machine) -> None:
        machine.answer("a")
        await watching.look()
        turn = await answered(ledger, "msg_a")
        await watching.look()
        assert [each.turn_id for each in await ledger.read(since, 0)] == [turn]

    watched(tmp_path, scene)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    async def scene(ledger: Ledger, watching: Watching, machine: Machine) -> None:
        machine.log.mkdir()
        await watching.look()
        assert set(watching.problems) == {"claude-code"}

    watched(tmp_path, scene)


def test_a_ledger_that_takes_nothing_is_no_end(tmp_path: Path) -> None:
    async def scene(ledger: Ledger, watching: Watching, machine: Machine) -> None:
        await ledger.close()
        running = asyncio.create_task(watching.run(0.01))
        await asyncio.sleep(0.05)
        assert not running.done()
        running.cancel()

    watched(tmp_path, scene, closes=False)


def test_turns_are_recognised_however_long_ago(tmp_path: Path) -> None:
    async def scene(ledger: Ledger, watching: Watching, machine: Machine) -> None:
        at_us = 1_700_000_000_000_000 - 90 * 86_400 * 1_000_000
        begun = intent(ledger.new_id(), client="claude-code", at_us=at_us)
        await ledger.begin(begun)
        await ledger.settle(settlement(begun.id, response_id="msg_old", usage=USED))
        sighting = msgspec.structs.replace(told("old"), at_us=at_us, answer_id="msg_old")
        await watching.receive([sighting])
        await watching.recognise()
        assert [each.turn_id for each in await ledger.read(since, 0)] == [""], (
            "a look is at the last days alone"
        )
        await watching.recognise_within(at_us, at_us + 1)
        assert [each.turn_id for each in await ledger.read(since, 0)] == [begun.id]
        await watching.recognise_within(0, 1)

    watched(tmp_path, scene)
