"""Counts tokens where providers did not: from bytes at once, with a tokenizer after the answer.

The request path learns and guesses here, in a few operations each. What is counted waits in a bounded queue
for a program of its own (`compression/counter.py`), and amends the turn when it is done; a turn that finds
the queue full keeps its guess.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.clock import Clock
from llm_gateway.compression.calibration import FEWEST, Calibrations, Kept, Model, Ratio
from llm_gateway.compression.counter import Counter, CounterUnavailable
from llm_gateway.compression.frames import Count
from llm_gateway.compression.removal import Removal, Shortened
from llm_gateway.compression.weights import MEDIA_TOKENS, weights_of
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.accounting import Used, reckon
from llm_gateway.ledger.calibrations import CalibrationRow, calibrations, keep_calibrations
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.records import Counted, Recount
from llm_gateway.pipeline.counting import Counting, Estimate, Extents, Missed, Took, classed
from llm_gateway.pipeline.removals import Removals
from llm_gateway.wire.ready import decoder

__all__ = ["MOST_BYTES", "MOST_WAITING", "Recounting", "learned", "recount"]

MOST_WAITING = 256
MOST_BYTES = 32 << 20
"""How many bodies wait to be counted at most, and how many bytes of them."""

_REST_S = 60.0
_KEEP_S = 60.0
# Of a model's turns that its provider counts, the first ones are counted here, too, and then one of so many,
# but not more often than so: a busy gateway learns nothing more from more. And only while the program has
# something to count anyway: where every provider counts, it is never started.
_FIRST = 30
_ONE_OF = 64
_SAMPLE_S = 1.0
_LEARN_ONE_OF = 8  # of the answers of a model of which as much is known as is kept
_LARGEST_SAMPLE = 2 << 20
_FEW_WAITING = 8
_MANY = 64  # of conversations whose removed tokens are put on record while others wait to be counted

_Report = Callable[[str, BaseException], None]
_Waiting = tuple[Missed, Shortened | None]


class Recounting(Counting):
    """Whoever counts, in a running gateway. `open` makes one; `run` counts what waits until cancelled."""

    @classmethod
    async def open(
        cls, ledger: Ledger, environ: Mapping[str, str], clock: Clock, report: _Report
    ) -> "Recounting":
        """Return one that knows what was learned before."""
        rows = await ledger.read(calibrations)
        return cls(ledger, Calibrations(learned(rows)), Counter(environ), clock, report)

    def __init__(
        self,
        ledger: Ledger,
        known: Calibrations,
        counter: Counter,
        clock: Clock,
        report: _Report,
        rest_s: float = _REST_S,
    ) -> None:
        self._rest_s = rest_s
        self._failing = False
        self._ledger = ledger
        self._known = known
        self._counter = counter
        self._clock = clock
        self._report = report
        self._removals = Removals(ledger, counter, clock)
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0
        self._woken = asyncio.Event()
        self._kept_at = clock.monotonic()
        self._sampled_at = self._missed_at = float("-inf")
        self._tokenizes = counter.tokenizes
        self.dropped = 0

    # on the request path

    def estimate(self, extents: Extents) -> Estimate:
        """Return what a turn of these extents probably used."""
        model = self._known.known(extents.provider, extents.model)
        return _estimate(model, extents)

    def learn(self, extents: Extents, usage: Usage) -> None:
        """Learn from what a provider counted of a turn of these extents: of some, where much is known."""
        known = self._known.known(extents.provider, extents.model)
        if known.is_full:
            known.answers += 1
            if known.answers % _LEARN_ONE_OF:
                return
        if usage.special is None:  # sounds and pictures have tokens that no bytes of text tell
            self._known.learn(
                (extents.provider, extents.model),
                extents.request_bytes,
                usage.uncached + usage.cache_read + usage.cache_write,
                extents.content_bytes,
                usage.output,
            )

    def curious(self, extents: Extents) -> bool:
        """Whether a turn that its provider counted is worth counting, too."""
        if self._missed_at < 0 or self._clock.monotonic() - self._missed_at > _REST_S:
            return False
        if not self._tokenizes or extents.request_bytes > _LARGEST_SAMPLE or len(self._queue) > _FEW_WAITING:
            return False
        model = self._known.known(extents.provider, extents.model)
        model.turns += 1
        if len(model.counted) < _FIRST:
            return True
        if model.turns % _ONE_OF or self._clock.monotonic() - self._sampled_at < _SAMPLE_S:
            return False
        self._sampled_at = self._clock.monotonic()
        return True

    def later(self, missed: Missed) -> None:
        """Count a turn again, after its answer, and put that on record."""
        shortened = None
        if missed.shorter is not None and self._tokenizes:
            shortened = self._removals.shortened(missed.shorter.removal)
        elif not missed.body:
            return  # bytes say no more of what was removed than what was guessed from them
        waiting = missed, shortened
        if len(self._queue) >= MOST_WAITING or self._bytes + _size(waiting) > MOST_BYTES:
            self.dropped += 1
            return
        if shortened is not None or missed.usage is None:
            self._missed_at = self._clock.monotonic()
        self._queue.append(waiting)
        self._bytes += _size(waiting)
        self._woken.set()

    def took_out(self, extents: Extents, removal: Removal) -> Took:
        """Return what compression took out of a request: as it was counted, where that is known already."""
        read, whole = map(self._removals.known, removal.reaches())
        model = self._known.known(extents.provider, extents.model)
        if read is not None and whole is not None:
            return _counted_out(model, extents, read, whole)
        guess = super().took_out(extents, removal)
        if read is None:
            return guess
        known = _counted_out(model, extents, 0, read)
        error = _together((known.tokens, known.error_permille or 0), (guess.new, guess.error_permille or 0))
        return Took(known.tokens + guess.new, guess.new, guess.counted, error)

    # beside it

    def gauges(self) -> dict[str, Callable[[], float]]:
        """Return what is to be shown of it, by the name of the metric."""
        return {
            "llm_gateway_recounts_waiting": lambda: float(len(self._queue)),
            "llm_gateway_recounts_dropped": lambda: float(self.dropped),
        }

    async def run(self) -> None:
        """Count what waits, and keep what is learned, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._rest_s):
                    await self._woken.wait()
            except TimeoutError:
                await self._counter.rest()
            else:
                self._woken.clear()
                await self.count_all()
            if self._clock.monotonic() - self._kept_at >= _KEEP_S:
                await self.keep()

    async def count_all(self) -> None:
        """Count what waits."""
        while self._queue:
            waiting = self._queue.popleft()
            self._bytes -= _size(waiting)
            try:
                await self._count(*waiting)
            except CounterUnavailable as error:
                if not self._failing:  # one line tells it; the turns keep their guesses
                    self._report("recount", error)
                self._failing = True
                continue
            self._failing = False
            await self._keep_removals(_MANY)

    async def keep(self) -> None:
        """Put on record what was learned."""
        self._kept_at = self._clock.monotonic()
        await self._keep_removals()
        news = self._known.news()
        if news:
            rows = [_row(kept, self._clock.now_us()) for kept in news]
            try:
                await self._ledger.write(lambda store: keep_calibrations(store, rows))
            except LedgerUnavailable as error:
                self._report("calibrations", error)

    async def close(self) -> None:
        """Keep what was learned and end the counting program; what still waits keeps its guess."""
        await self.keep()
        await self._counter.close()

    async def _keep_removals(self, least: int = 1) -> None:
        try:
            await self._removals.keep(least)
        except LedgerUnavailable as error:  # what is lost is counted again
            self._report("removals", error)

    async def _count(self, missed: Missed, shortened: Shortened | None) -> None:
        count = await self._counter.count(missed.dialect, missed.body) if missed.body else None
        better = None if count is None else self._take(missed, count)
        took = None
        if shortened is not None and (found := await self._removals.count(shortened)) is not None:
            extents = missed.extents
            model = self._known.known(extents.provider, extents.model)
            took = _counted_out(model, extents, found.read, found.whole)
        if better is not None or took is not None:
            self._ledger.add(recount(missed, better, took))

    def _take(self, missed: Missed, count: Count) -> Estimate | None:
        """Learn from a count, or return what it comes to."""
        extents = missed.extents
        text = weights_of(extents.model).tokens(count)
        if missed.usage is not None:
            if text is not None and not count.media:
                self._known.learn_counted((extents.provider, extents.model), missed.usage.input, text)
            return None
        if text is None and not count.media:
            return None  # bytes of text say no more than the bytes that were guessed from
        model = self._known.known(extents.provider, extents.model)
        return _counted(model, extents, count, text)


def recount(missed: Missed, better: Estimate | None, took: Took | None = None) -> Recount:
    """Return what is known better of a turn as it goes on record, with what it cost by that.

    `better` is what it used, None where that stands; `took` is what compression took out.
    """
    counts, retried = missed.counts and missed.outcome == "ok", missed.retried_nano
    shorter = missed.shorter
    if better is None:
        assert shorter is not None and shorter.end.usage is not None
        usage, counted, error = shorter.end.usage, shorter.end.counted, shorter.end.error_permille
    else:
        usage, counted, error = better.usage, better.counted, better.error_permille
    removed, compressed = missed.removed, None
    ours = False
    if shorter is not None:
        ours = shorter.end.money is not None and shorter.end.money.prompt_cache_ours
        if took is not None and shorter.end.compressed is not None:
            compressed = took.told(shorter.end.compressed)
            removed = None if removed is None else classed(took, usage, compressed.missed)
    cost, money = reckon(Used(usage, counts, counted, removed, ours, retried), missed.basis)
    told = removed if compressed is not None else None
    return Recount(missed.turn_id, usage, counted, error, cost, money, told, compressed)


def _counted_out(model: Model, extents: Extents, read: int, whole: int) -> Took:
    """Return what tokens of o200k that were taken out come to, of which a model had read `read`."""
    each = weights_of(extents.model).text * model.counted.value
    tokens = round(whole * each)
    return Took(tokens, tokens - round(read * each), "tokenizer", model.counted.error_permille(abs(tokens)))


def _size(waiting: _Waiting) -> int:
    missed, shortened = waiting
    return len(missed.body) + (shortened.size if shortened is not None else 0)


def _estimate(model: Model, extents: Extents) -> Estimate:
    return _told(
        _part(extents.request_bytes, model.bytes_in),
        _part(extents.content_bytes, model.bytes_out),
        "calibrated" if len(model.bytes_in) >= FEWEST else "bytes",
    )


def _counted(model: Model, extents: Extents, count: Count, text: float | None) -> Estimate:
    """Return what a count comes to. Without a tokenizer it is of bytes, but of none that are media."""
    counted: Counted = "tokenizer"
    if text is not None:
        sent = _part(text, model.counted)
    else:
        sent = _part(count.text_bytes, model.bytes_in)
        counted = "calibrated" if len(model.bytes_in) >= FEWEST else "bytes"
    if count.media:
        media = count.media * MEDIA_TOKENS
        sent = (sent[0] + media, _together(sent, (media, 1000)))
    return _told(sent, _part(extents.content_bytes, model.bytes_out), counted)


_Part = tuple[float, int]


def _part(amount: float, ratio: Ratio) -> _Part:
    """Return so many tokens, and their error in thousandths."""
    tokens = amount * ratio.value
    return tokens, ratio.error_permille(tokens)


def _told(sent: _Part, answered: _Part, counted: Counted) -> Estimate:
    usage = Usage(uncached=round(sent[0]), output=round(answered[0]), estimated=True)
    return Estimate(usage, counted, _together(sent, answered))


def _together(one: _Part, other: _Part) -> int:
    """Return the error of a sum, in thousandths: as if both were off by all of theirs, the same way."""
    whole = one[0] + other[0]
    return round((one[0] * one[1] + other[0] * other[1]) / whole) if whole else max(one[1], other[1])


_ratios = decoder(tuple[int, ...])


def _row(kept: Kept, now_us: int) -> CalibrationRow:
    state = msgspec.json.encode(kept.ratios).decode()
    return CalibrationRow(kept.provider, kept.model, kept.side, kept.method, state, now_us)


def learned(rows: Iterable[CalibrationRow]) -> list[Kept]:
    """Return what rows say was learned; one that nothing can be made of is left out."""
    found: list[Kept] = []
    for row in rows:
        try:
            fields = {
                "provider": row.provider,
                "model": row.model,
                "side": row.side,
                "method": row.method,
                "ratios": _ratios.decode(row.state),
            }
            found.append(msgspec.convert(fields, Kept))
        except msgspec.MsgspecError:
            continue
    return found
