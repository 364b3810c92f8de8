"""What a machine's applications used is told to its gateway, once, under the machine's own name."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from companion_place import Place, eventually, placed
from fakes import FakeClock
from ledger_samples import Failures
from llm_gateway.clients.coverage import Known
from llm_gateway.companion.reporting import Report, Reporter, Reports
from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger.coverage import detected
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.sightings import Sighting, put

FOUND = {"claude-code": Known(installed=True, running=True, evidence=("its command",))}


def line(number: int) -> str:
    """Return a line of Claude Code's log."""
    message = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet",
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": number},
    }
    entry = {
        "type": "assistant",
        "uuid": f"u{number}",
        "requestId": f"req_{number}",
        "sessionId": "s",
        "version": "2.1.0",
        "timestamp": "2026-11-20T10:00:00.000Z",
        "message": message,
    }
    return json.dumps(entry) + "\n"


class Machine:
    """A machine on which an application keeps a log."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def known(self) -> Mapping[str, Known]:
        return FOUND

    def logs(self) -> Sequence[tuple[str, Sequence[tuple[str, Path]]]]:
        return [("claude-code", [("claude", self.log)])]


def test_what_is_new_is_told_once_and_after_a_restart_too(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(line(1) + line(2))
    told: list[Report] = []

    async def send(body: bytes) -> None:
        told.append(msgspec.json.decode(body, type=Report))

    def reporter() -> Reporter:
        return Reporter(lambda: Machine(log), tmp_path / "companion", FakeClock(), "mac")

    async def run() -> None:
        first = reporter()
        await first.report(send)
        assert told[0] == Report(FOUND)
        marks = [each.mark for report in told for each in report.sightings]
        assert len(marks) == len(set(marks)) == 2
        log.write_text(line(1) + line(2) + line(3))
        told.clear()
        await reporter().report(send)
        assert [each.usage.output for report in told for each in report.sightings] == [3]
        (tmp_path / "companion" / "log-positions.json").write_bytes(b"?")
        told.clear()
        await reporter().report(send)
        assert sum(len(report.sightings) for report in told) == 3

    asyncio.run(run())


def test_what_did_not_arrive_is_told_again(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(line(1))
    told: list[bytes] = []

    async def fail(body: bytes) -> None:
        if b"msg_1" in body:
            raise ConnectionError
        told.append(body)

    async def send(body: bytes) -> None:
        told.append(body)

    async def run() -> None:
        reporter = Reporter(lambda: Machine(log), tmp_path / "companion", FakeClock(), "mac")
        with pytest.raises(ConnectionError):
            await reporter.report(fail)
        await reporter.report(send)
        assert any(b"msg_1" in body for body in told)

    asyncio.run(run())


def test_a_report_is_kept_under_the_machines_own_name(tmp_path: Path) -> None:
    kept: list[Sighting] = []

    async def receive(sightings: Sequence[Sighting]) -> None:
        kept.extend(sightings)

    async def run() -> None:
        ledger = await Ledger.open(tmp_path, FakeClock(), on_failure=Failures())
        reports = Reports(receive, ledger, FakeClock())
        lying = Sighting("claude-code", "the server", "log", "mark", 5)
        await reports.take("mac", msgspec.json.encode(Report(FOUND, (lying,))))
        await reports.take("mac", msgspec.json.encode(Report()))
        assert kept == [msgspec.structs.replace(lying, machine="mac")]
        (found,) = await ledger.read(detected)
        assert (found.machine, found.client) == ("mac", "claude-code")
        assert msgspec.json.decode(found.found, type=Known) == FOUND["claude-code"]
        with pytest.raises(MalformedRequest):
            await reports.take("mac", b'{"found": 1}')
        await ledger.close()

    asyncio.run(run())


def test_what_a_machine_makes_up_fills_nothing(tmp_path: Path) -> None:
    kept: list[Sighting] = []

    async def receive(sightings: Sequence[Sighting]) -> None:
        kept.extend(sightings)

    async def run() -> None:
        clock = FakeClock()
        ledger = await Ledger.open(tmp_path, clock, on_failure=Failures())
        reports = Reports(receive, ledger, clock)
        made_up = {f"client-{number}": Known() for number in range(1000)}
        told = [Sighting("c" * 1000, "", "log", "mark", at_us) for at_us in (-(2**63), 2**63)]
        await reports.take("mac", msgspec.json.encode(Report({**FOUND, **made_up}, tuple(told))))
        assert [each.client for each in await ledger.read(detected)] == ["claude-code"]
        await ledger.write(lambda store: store.write(put(kept)))
        assert {len(each.client) for each in kept} == {64}
        assert all(0 <= each.at_us <= clock.now_us() + 3_600_000_000 for each in kept)
        await ledger.close()

    asyncio.run(run())


def test_a_desktop_reports_over_its_link(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(line(1) + line(2))

    async def scene(place: Place) -> None:
        desk = place.desk("mac")
        desk.reporter = lambda machine: Reporter(lambda: Machine(log), desk.folder, desk.clock, machine)
        desk.start((await place.registry.invite("mac")).token.reveal(), report_every=0.05)
        await eventually(lambda: len(place.received) == 2)
        assert {each.machine for each in place.received} == {"mac"}
        log.write_text(log.read_text() + line(3))
        await eventually(lambda: len(place.received) == 3)

    placed(tmp_path, scene)
