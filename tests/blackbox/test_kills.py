"""SIGKILL under load, again and again on one home: nothing answered is missing, nothing is corrupt.

A few kills in every run of the tests, 1,000 with `make kill-test`. LLM_GATEWAY_TEST_KILLS and
LLM_GATEWAY_TEST_STREAMS say how many, LLM_GATEWAY_TEST_SEED repeats a run's instants.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from gateway_process import GatewayProcess, configuration
from kill_load import Witness, load
from llm_gateway.clock import SystemClock
from llm_gateway.ledger.checking import check
from llm_gateway.ledger.reader import Reader
from scripted import Hang, Pause, Script, ScriptedUpstream, Send, chat, wording

_KILLS = int(os.environ.get("LLM_GATEWAY_TEST_KILLS", "6"))
_STREAMS = int(os.environ.get("LLM_GATEWAY_TEST_STREAMS", "50"))
# From then on only some kills are followed by a look at the whole database: it has grown by then.
_LOOK_ALWAYS, _LOOK_EACH = 100, 20
# How far a turn has come is put on record once a second, on a machine that may be busy.
_NOTED_EACH_S = 1.2
_SEED = int(os.environ.get("LLM_GATEWAY_TEST_SEED", "1"))


@dataclass(frozen=True)
class Findings:
    """What the ledger says, held against what the clients saw."""

    kills: int
    answered: int
    complete: int
    missing: int
    unsettled: int
    wrong: int
    running: int
    interrupted: int
    corrupt: int
    wrong_sums: int
    slowest_start: float

    def table(self, seconds: float) -> str:
        """Return the findings for people."""
        rows = [
            ("kills (SIGKILL under load)", f"{self.kills}"),
            ("streams at once, and whole answers", f"{_STREAMS} + {_STREAMS // 4}"),
            ("answers begun, as clients saw", f"{self.answered}"),
            ("  of these not in the ledger", f"{self.missing}"),
            ("answers complete, as clients saw", f"{self.complete}"),
            ("  of these not settled", f"{self.unsettled}"),
            ("  of these with wrong tokens", f"{self.wrong}"),
            ("turns still open after a restart", f"{self.running}"),
            ("turns said to be interrupted", f"{self.interrupted}"),
            ("corrupt databases", f"{self.corrupt}"),
            ("sums that are not the turns'", f"{self.wrong_sums}"),
            ("slowest start after a kill", f"{self.slowest_start:.2f} s"),
            ("seed, duration", f"{_SEED}, {seconds:.0f} s"),
        ]
        return "\n".join(f"{name:<36} {value:>12}" for name, value in rows)


def paced(model: str) -> tuple[Send | Pause, ...]:
    """Return a stream that takes about a third of a second, so that a kill finds it at any point."""
    script: list[Send | Pause] = [Send(wording.stream_head())]
    for event in chat.events(model, ["a ", "b ", "c ", "d "]):
        script += [Send(wording.chunk(event)), Pause(0.05)]
    return (*script, Send(wording.LAST_CHUNK))


def unhurried(model: str) -> Script:
    """Return a whole answer that takes a while: a thousand kills must not make millions of them."""
    return (Pause(0.02), *chat.plain(model))


def sound(database: Path) -> bool:
    """Whether the database, as the kill left it, is whole."""
    if not database.exists():
        return True
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.execute("PRAGMA integrity_check")) == [("ok",)]


def compare(database: Path, witness: Witness, corrupt: int, slowest_start: float) -> Findings:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        query = "SELECT id, outcome, uncached + cache_read + cache_write, output FROM turns"
        turns = {row[0]: row[1:] for row in connection.execute(query)}
    with closing(Reader(database, SystemClock(), limit=60)) as reader:
        wrong_sums = len(check(reader))
    complete = [turns[request_id] for request_id in witness.complete if request_id in turns]
    return Findings(
        kills=_KILLS,
        answered=len(witness.answered),
        complete=len(witness.complete),
        missing=len(witness.answered - turns.keys()),
        unsettled=sum(1 for turn in complete if turn[0] != "ok") + len(witness.complete - turns.keys()),
        wrong=sum(1 for turn in complete if turn[1:] != (40, 12)),
        running=sum(1 for turn in turns.values() if turn[0] is None),
        interrupted=sum(1 for turn in turns.values() if turn[0] == "interrupted"),
        corrupt=corrupt,
        wrong_sums=wrong_sums,
        slowest_start=slowest_start,
    )


@pytest.mark.fault("P3")
def test_what_a_stream_had_brought_is_estimated_after_a_kill(tmp_path: Path) -> None:
    events = list(chat.events("long", ["word " * 200, "more " * 200]))
    begun = [Send(wording.stream_head()), *(Send(wording.chunk(event)) for event in events[:3])]
    with ScriptedUpstream() as upstream:
        upstream.on("long", (*begun, Hang()))
        with GatewayProcess(tmp_path, configuration(upstream.url)) as gateway:
            with gateway.client() as client:
                client.send(gateway.chat_request("scripted/long", stream=True))
                client.read_until(b"more more")
                time.sleep(2.5)  # it is put on record every second
                gateway.kill()
            gateway.start()
            (row,) = gateway.rows()
    assert (row["status"], row["estimated"]) == ("interrupted", True)
    assert isinstance(row["tokens_out"], int) and 200 < row["tokens_out"] < 600


@pytest.mark.fault("P3")
@pytest.mark.kills
def test_what_streams_had_brought_a_second_before_a_kill_is_accounted(
    tmp_path: Path, report: Callable[[str], None]
) -> None:
    """Killed at any event of many streams: what a client had of each a second before is accounted."""
    random = Random(_SEED)
    witness = Witness()
    killed_at: dict[str, float] = {}
    with ScriptedUpstream() as upstream:
        upstream.on("slow", slow("slow"))
        gateway = GatewayProcess(tmp_path, configuration(upstream.url))
        requests = [gateway.chat_request("scripted/slow", stream=True)] * 30

        def kill() -> None:
            now = time.monotonic()
            killed_at.update((each, now) for each in witness.answered - killed_at.keys())
            gateway.kill()

        try:
            for _ in range(max(_KILLS // 10, 1)):
                gateway.start()
                instant = random.uniform(2.0, 4.0)
                asyncio.run(load(gateway.port, requests, instant, kill, witness, 0.05))
                upstream.forget()
            gateway.start()
        finally:
            gateway.stop()
        compared = accounted(gateway.database, witness, killed_at)
    told = len(compared)
    report(f"streams that a kill cut: {told}, of which each is accounted with what it had a second before")
    assert told > 20, "too few to prove anything"
    assert [each for each in compared if not each[0] <= each[1] <= each[2]] == []


def slow(model: str) -> Script:
    """Return a stream that takes about four seconds, of which every piece is counted by its client."""
    script: list[Send | Pause] = [Send(wording.stream_head())]
    for event in chat.events(model, ["~" * 40] * 40):
        script += [Send(wording.chunk(event)), Pause(0.1)]
    return (*script, Send(wording.LAST_CHUNK))


def accounted(database: Path, witness: Witness, killed_at: dict[str, float]) -> list[tuple[int, int, int]]:
    """Return what the client of each cut stream had a second before, what is accounted, and all that it had.

    In tokens, as they are estimated.
    """
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        query = "SELECT id, output, estimated FROM turns WHERE outcome = 'interrupted'"
        turns = {row[0]: row[1:] for row in connection.execute(query)}
    found = []
    for request_id, at in killed_at.items():
        if request_id in turns and request_id in witness.heard:
            output, estimated = turns[request_id]
            assert estimated
            before = witness.had(request_id, at - _NOTED_EACH_S)
            found.append((-(-before // 4), output, -(-(witness.had(request_id, at + 1) + 400) // 4)))
    return found


@pytest.mark.fault("P3")
@pytest.mark.kills
def test_nothing_answered_is_missing_after_kills(tmp_path: Path, report: Callable[[str], None]) -> None:
    random = Random(_SEED)
    witness = Witness()
    corrupt = 0
    slowest_start = 0.0
    began = time.monotonic()
    with ScriptedUpstream() as upstream:
        upstream.on("paced", paced("paced"))
        upstream.on("whole", unhurried("whole"))
        gateway = GatewayProcess(tmp_path, configuration(upstream.url))
        requests = [gateway.chat_request("scripted/paced", stream=True)] * _STREAMS
        requests += [gateway.chat_request("scripted/whole")] * (_STREAMS // 4)
        try:
            for kill in range(_KILLS):
                gateway.start()
                slowest_start = max(slowest_start, gateway.started_in)
                instant = random.uniform(0.3, 1.2)
                asyncio.run(load(gateway.port, requests, instant, gateway.kill, witness))
                if kill < _LOOK_ALWAYS or kill % _LOOK_EACH == 0 or kill == _KILLS - 1:
                    corrupt += not sound(gateway.database)
                upstream.forget()
            gateway.start()  # what the last kill left open is closed by a start
        finally:
            gateway.stop()
        findings = compare(gateway.database, witness, corrupt, slowest_start)
    report(findings.table(time.monotonic() - began))
    assert witness.odd == []
    assert findings.answered > _KILLS * _STREAMS / 2, "too few answers to prove anything"
    assert findings.complete > _KILLS * _STREAMS / 4, "too few complete answers to prove anything"
    assert (findings.missing, findings.unsettled, findings.wrong) == (0, 0, 0)
    assert (findings.running, findings.corrupt, findings.wrong_sums) == (0, 0, 0)
    if _KILLS > 2:
        assert findings.interrupted > 0, "no kill found a turn under way"
