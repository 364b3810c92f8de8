"""A stream that ends at every event it has, at either side and at both, in every dialect.

What was used is accounted, once, at its price; nothing stays held. A part of the cuts is made in every run of
the tests, all of them with `make ends`. How they are made is in `ends_stage.py`, what has to come of them in
`ends_told.py`.
"""

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from ends_stage import Cut, Ends, on_ends, paid
from ends_told import PAIRS, Stream, shown
from llm_gateway.canonical.usage import Usage
from speaking_ends import CLIENTS

_EACH = int(os.environ.get("LLM_GATEWAY_TEST_ENDS", "4"))
_PROMPTLY_S = 0.1
in_every_pair = pytest.mark.parametrize(("name", "provider"), PAIRS)


def cuts(name: str, stream: Stream) -> list[int]:
    """Return where a stream is cut in this run: one of so many places, others for others, and the edges."""
    first = zlib.crc32(f"{name}/{stream.provider}/{stream.name}".encode()) % _EACH
    return sorted({*stream.cuts[first::_EACH], 0, 1, stream.cuts[-2], stream.cuts[-1]})


def check(stream: Stream, at: int, cut: Cut) -> None:
    """Compare what came of a cut with what its stream had told."""
    end, told = cut.settlement, stream.told(at)
    where = f"{stream.provider}/{stream.name} at {at} of {len(stream.pieces)}: {end}"
    (attempt,) = end.attempts
    failed = end.outcome not in ("ok", "cancelled") and end.error_kind != "draining"
    if failed and not told.content and told.usage is None:
        assert (end.usage, end.cost_nano) == (None, None), where
        # What a kept connection that closes without a word was sent, nobody had read.
        in_vain = Usage(-(-cut.request_bytes // 4), estimated=True)
        assert attempt.usage == (None if cut.reused and not at else in_vain), where
        return
    least, used = told.used(cut.request_bytes), end.usage
    assert used is not None, where
    assert attempt.usage is None, where
    assert used.input == least.input, (where, least)
    assert least.output <= used.output <= least.output + stream.loose, (where, least)
    assert used.estimated == least.estimated or stream.loose, (where, least)
    assert end.cost_nano == paid(used), where


@in_every_pair
def test_a_client_may_leave_at_any_event(
    tmp_path: Path, name: str, provider: str, counted: Callable[[str, int], None]
) -> None:
    async def scene(ends: Ends) -> None:
        for stream in shown(name, provider):
            for at in cuts(name, stream):
                cut = await ends.leave(CLIENTS[name], stream, at, hard=at % 4 != 1)
                check(stream, at, cut)
                assert cut.settlement.outcome == ("ok" if cut.complete else "cancelled"), (
                    stream.name,
                    at,
                    cut,
                )
                assert cut.complete or at < stream.cuts[-1]
                assert cut.kept_s <= _PROMPTLY_S, (stream.name, at)
        counted("clients that left", ends.cuts)

    on_ends(tmp_path, scene)


@in_every_pair
def test_an_upstream_may_break_off_at_any_event(
    tmp_path: Path, name: str, provider: str, counted: Callable[[str, int], None]
) -> None:
    async def scene(ends: Ends) -> None:
        for stream in shown(name, provider):
            for at in cuts(name, stream):
                cut = await ends.break_off(CLIENTS[name], stream, at, hard=at % 2 == 0)
                check(stream, at, cut)
                outcome, error = cut.settlement.outcome, CLIENTS[name].error(cut.heard)
                if cut.complete:
                    assert (outcome, error) == ("ok", None), (stream.name, at)
                else:
                    assert outcome == ("truncated" if at else "error"), (stream.name, at)
                    assert error, (stream.name, at, cut.heard[-300:])
        counted("upstreams that broke off", ends.cuts)

    on_ends(tmp_path, scene)


@in_every_pair
def test_both_may_end_at_once(
    tmp_path: Path, name: str, provider: str, counted: Callable[[str, int], None]
) -> None:
    async def scene(ends: Ends) -> None:
        for stream in shown(name, provider):
            for at in cuts(name, stream)[:-1]:
                cut = await ends.both(CLIENTS[name], stream, at)
                check(stream, at, cut)
                assert cut.settlement.outcome in (
                    ("ok",) if cut.complete else ("cancelled", "truncated", "error")
                )
        counted("both at once", ends.cuts)

    on_ends(tmp_path, scene)


@in_every_pair
def test_a_gateway_that_stops_has_accounted_for_what_it_cuts(
    tmp_path: Path, name: str, provider: str, counted: Callable[[str, int], None]
) -> None:
    async def scene(ends: Ends) -> None:
        for stream, at, cut in await ends.stop(CLIENTS[name], shown(name, provider)):
            check(stream, at, cut)
            end = cut.settlement
            if cut.complete:
                assert end.outcome == "ok", (stream.name, at)
            else:
                assert (end.outcome, end.error_kind) == ("error", "draining"), (stream.name, at)
                assert CLIENTS[name].error(cut.heard), (stream.name, at, cut.heard[-300:])
        counted("streams that a stop cut", ends.cuts)

    on_ends(tmp_path, scene, at_once=1000)
