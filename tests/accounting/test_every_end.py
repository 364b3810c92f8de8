"""A stream that ends at every event it has, at either side and at both, in every dialect.

What was used is accounted, once, at its price; nothing stays held. A part of the cuts is made in every run of
the tests, all of them, in each way, with `make ends`. How they are made is in `ends_stage.py`, what has to
come of them in `ends_told.py`.
"""

import os
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ends_stage import Cut, Ends, on_ends, paid
from ends_told import PAIRS, Stream, shown
from llm_gateway.canonical.usage import Usage
from speaking_ends import CLIENTS

_EACH = int(os.environ.get("LLM_GATEWAY_TEST_ENDS", "3"))
_PROMPTLY_S = 0.1
# An abrupt end and a polite one.
_WAYS = (True, False)
for_every_client = pytest.mark.parametrize("name", CLIENTS)


def of(name: str) -> list[Stream]:
    """Return the streams that a client of this kind gets, of all providers."""
    return [stream for each, provider in PAIRS if each == name for stream in shown(name, provider)]


def cuts(name: str) -> Iterator[tuple[Stream, int, tuple[bool, ...]]]:
    """Yield where streams are cut in this run, and in which ways.

    That is one of so many places, others for others, and the edges; in one of the ways, unless it is all.
    """
    for stream in of(name):
        first = zlib.crc32(f"{name}/{stream.provider}/{stream.name}".encode()) % _EACH
        places = {*stream.cuts[first::_EACH], 0, 1, stream.cuts[-2], stream.cuts[-1]}
        for at in sorted(places):
            yield stream, at, _WAYS if _EACH == 1 else (_WAYS[at % 4 == 1],)


def check(stream: Stream, at: int, cut: Cut) -> str:
    """Compare what came of a cut with what its stream had told; return where it was, in words."""
    end, told = cut.settlement, stream.told(at)
    where = f"{stream.provider}/{stream.name} at {at} of {len(stream.pieces)}: {end}"
    (attempt,) = end.attempts
    failed = end.outcome not in ("ok", "cancelled") and end.error_kind != "draining"
    # The name of a tool is content to some readers and none to others.
    if failed and not told.content and told.usage is None and not (stream.loose and end.usage):
        assert (end.usage, end.cost_nano) == (None, None), where
        # What a kept connection that closes without a word was sent, nobody had read.
        in_vain = Usage(-(-cut.request_bytes // 4), estimated=True)
        assert attempt.usage == (None if cut.reused and not at else in_vain), where
        return where
    least, used = told.used(cut.request_bytes), end.usage
    assert used is not None, where
    assert attempt.usage is None, where
    assert used.input == least.input, (where, least)
    assert least.output <= used.output <= least.output + stream.loose, (where, least)
    assert used.estimated == least.estimated or stream.loose, (where, least)
    assert end.cost_nano == paid(used), where
    return where


@for_every_client
def test_a_client_may_leave_at_any_event(tmp_path: Path, name: str, cases: Counter[str]) -> None:
    async def scene(ends: Ends) -> None:
        slowest = 0.0
        for stream, at, ways in cuts(name):
            for hard in ways:
                cut = await ends.leave(CLIENTS[name], stream, at, hard=hard)
                where = check(stream, at, cut)
                assert cut.settlement.outcome == ("ok" if cut.complete else "cancelled"), where
                assert cut.complete or at < stream.cuts[-1], where
                slowest = max(slowest, cut.kept_s)
        assert slowest <= _PROMPTLY_S
        cases["clients that left"] += ends.cuts
        cases["slowest to let an upstream go, in ms"] = max(
            cases["slowest to let an upstream go, in ms"], round(slowest * 1000)
        )

    on_ends(tmp_path, scene)


@for_every_client
def test_an_upstream_may_break_off_at_any_event(tmp_path: Path, name: str, cases: Counter[str]) -> None:
    async def scene(ends: Ends) -> None:
        for stream, at, ways in cuts(name):
            for hard in ways:
                cut = await ends.break_off(CLIENTS[name], stream, at, hard=hard)
                where = check(stream, at, cut)
                outcome, error = cut.settlement.outcome, CLIENTS[name].error(cut.heard)
                if cut.complete:
                    assert (outcome, error) == ("ok", None), where
                else:
                    assert outcome == ("truncated" if at else "error"), where
                    assert error, (where, cut.heard[-300:])
        cases["upstreams that broke off"] += ends.cuts

    on_ends(tmp_path, scene)


@for_every_client
def test_both_may_end_at_once(tmp_path: Path, name: str, cases: Counter[str]) -> None:
    async def scene(ends: Ends) -> None:
        for stream, at, _ in cuts(name):
            if at < stream.cuts[-1]:
                cut = await ends.both(CLIENTS[name], stream, at)
                where = check(stream, at, cut)
                possible = ("ok",) if cut.complete else ("cancelled", "truncated", "error")
                assert cut.settlement.outcome in possible, where
        cases["both at once"] += ends.cuts

    on_ends(tmp_path, scene)


@for_every_client
def test_a_gateway_that_stops_has_accounted_for_what_it_cuts(
    tmp_path: Path, name: str, cases: Counter[str]
) -> None:
    async def scene(ends: Ends) -> None:
        for stream, at, cut in await ends.stop(CLIENTS[name], of(name)):
            where = check(stream, at, cut)
            end = cut.settlement
            if cut.complete:
                assert end.outcome == "ok", where
            else:
                assert (end.outcome, end.error_kind) == ("error", "draining"), where
                assert CLIENTS[name].error(cut.heard), (where, cut.heard[-300:])
        cases["streams that a stop cut"] += ends.cuts

    on_ends(tmp_path, scene, at_once=1000)
