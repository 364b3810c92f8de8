"""A gateway that was taken over asks for whatever it likes: it gets no more than the owner's caps allow.

The companion and the link are the real ones; whoever asks at the other end is the test.
"""

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge_stage import FakeBridge
from companion_place import BODY, Place, eventually, placed
from llm_gateway.bridges.contract import Ask, Turn
from llm_gateway.companion.caps import Caps
from llm_gateway.companion.flows import Call, FlowBroken
from llm_gateway.companion.frames import Open
from llm_gateway.companion.link import Link
from llm_gateway.companion.serving import OPERATIONS

_FULL = os.environ.get("LLM_GATEWAY_TEST_FAULTS", "") == "full"
_ASKS, _OPERATIONS = (10_000, 5_000) if _FULL else (1_200, 500)
_AT_A_TIME = 40
_CAP = 150


class Counting(FakeBridge):
    """A vendor that counts what it is asked, and how much of that at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.running = self.most = 0
        self.counted: Counter[str] = Counter()

    async def turn(self, ask: Ask) -> Turn:
        self.counted[ask.model] += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0)
            for said in self.says:
                assert not isinstance(said, Exception)
                yield said
        finally:
            self.running -= 1


@pytest.mark.control("T9")
def test_a_gateway_that_asks_without_end_spends_the_cap_and_no_more(
    tmp_path: Path, report: Callable[[str], None]
) -> None:
    caps = Caps(models=("claude/m", "claude/small*"), parallel=8, per_minute=_CAP * 2, per_day=_CAP)
    statuses: Counter[int] = Counter()

    async def scene(place: Place) -> None:
        vendor = Counting()
        desk = place.desk("mac", caps)
        desk.bridges = {"claude": vendor}
        desk.engines["claude"]._opened = lambda: vendor
        desk.start((await place.registry.invite("mac")).token.reveal())
        await eventually(lambda: place.hub.connected)
        (connected,) = place.hub.connected.values()
        chance = random.Random(9)
        each = _ASKS // _AT_A_TIME
        await asyncio.gather(*(_asks(connected.link, chance, each, statuses) for _ in range(_AT_A_TIME)))
        spent, counted = sum(vendor.counted.values()), desk.serving._counter.today.turns
        # what was left again before its vendor was asked, or was no request, counts as well
        assert _CAP * 0.6 < spent <= counted == _CAP, (spent, counted)
        assert vendor.most <= caps.parallel
        assert set(vendor.counted) <= {"m", "small", "small-2"}
        assert desk.journal.today().turns == counted, "and is on record on the owner's machine"
        report(f"T9: {sum(statuses.values())} requests of a hostile gateway, {counted} of {_CAP} turns spent")

    placed(tmp_path, scene)
    assert statuses[429] > _ASKS // 10 and statuses[400] and statuses[502] and statuses[404]


async def _asks(link: Link, chance: random.Random, count: int, statuses: Counter[int]) -> None:
    """Ask for this and that: allowed and forbidden models, bridges that are not there, bodies of nonsense."""
    for _ in range(count):
        model = chance.choice(("m", "m", "small", "small-2", "opus", "m/../opus", "M", "*"))
        bridge = chance.choice(("claude",) * 6 + ("codex", ""))
        operation = chance.choice(("turn",) * 9 + ("spend",))
        body = chance.choice((BODY,) * 8 + (b"{", chance.randbytes(50)))
        try:
            call = link.open(Open(operation, bridge, model, "x" * chance.randrange(60)))
            head = await call.ask(body)
            if chance.random() < 0.1:
                call.leave()  # and does not read what it has asked for
            else:
                await _rest(call)
            statuses[head.status] += 1
        except FlowBroken:
            statuses[0] += 1


async def _rest(call: Call) -> bytes:
    data = b""
    while not call.complete and call.wrong is None:
        await call.arrive()
        data += call.take()
    return data + call.take()


_WORDS = ("turn", "look", "exec", "run", "sh", "read", "login", "logout", "resume", "env", "report", "config")
_JOINS = ("", "/", "../", ".", ":", " ", "\x00", "%2e%2e/", "\n", ";", "|", "$(", "`")


def _operation(chance: random.Random) -> str:
    """Return an operation by a grammar: words of ours and of shells, joined by what joins them elsewhere."""
    pieces = [chance.choice(_WORDS) for _ in range(chance.randrange(1, 4))]
    text = chance.choice(_JOINS).join(pieces)
    return chance.choice((text, text.upper(), chance.choice(_JOINS) + text, text + chance.choice(_JOINS)))[
        :64
    ]


@pytest.mark.control("T11")
def test_a_grammar_of_operations_finds_none_but_the_three(
    tmp_path: Path, report: Callable[[str], None]
) -> None:
    started: list[str] = []
    listening = False
    asked, found = Counter[str](), Counter[int]()

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if listening and event in ("subprocess.Popen", "os.exec", "os.system", "os.posix_spawn", "os.fork"):
            started.append(event)
        if listening and event == "open" and isinstance(arguments[0], str) and "passwd" in arguments[0]:
            started.append(arguments[0])

    async def scene(place: Place) -> None:
        nonlocal listening
        desk = await place.enrolled()
        (connected,) = place.hub.connected.values()
        chance = random.Random(11)
        before = set(desk.folder.rglob("*"))
        listening = True
        for _ in range(_OPERATIONS):
            operation = _operation(chance)
            bridge = chance.choice(("claude", "codex", "/etc/passwd", "claude/../codex", ""))
            if operation == "pause":
                continue
            call = connected.link.open(Open(operation, bridge, chance.choice(("m", "/etc/passwd", "$(id)"))))
            head = await call.ask(chance.choice((b"", b"{}", b"sh -c id")))
            await _rest(call)
            asked[operation] += 1
            found[head.status] += 1
            if operation not in OPERATIONS:
                assert head.status == 404, operation
        listening = False
        assert set(desk.folder.rglob("*")) - before <= {
            desk.journal.path,
            desk.folder / "audit.head",
        }
        assert not desk.bridges["claude"].asked, "no body was a request"

    sys.addaudithook(hook)
    try:
        placed(tmp_path, scene)
    finally:
        listening = False
    assert started == [] and len(asked) > 200
    report(f"T11: {sum(asked.values())} operations of {len(asked)} kinds, no process, no file of choice")
