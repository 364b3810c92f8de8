"""Every turn reckoned again, from the tokens and the cards that are on record; and at other prices.

What comes out has to be what stands there, to the nanodollar: a difference means that a row or a card was
altered, or that the formula was without getting a new number. Nothing is written. Two things are taken from
the row as it says them, because nothing else does: whether a reference was the user's choice, and whether the
marks of the provider's cache were the gateway's.
"""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.ledger.accounting import FORMULA, Basis, Used, cached, has_lines, reckon
from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.records import (
    WIDEST,
    Attempt,
    Confidence,
    Counted,
    Money,
    Outcome,
    Purpose,
    Removed,
)
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.tariff import Tariff, card_id, read_card
from llm_gateway.wire.ready import decoder, ready

__all__ = ["MOST_TOLD", "Mismatch", "Recomputed", "Revalued", "recompute", "revalue"]

MOST_TOLD = 100
"""How many differences are told one by one."""

# Rows at a time: little memory, and no query that takes long.
_AT_ONCE = 2000

_special = decoder(Special)
_removed = decoder(Removed)
_attempts = decoder(tuple[Attempt, ...])


@ready
class _Kept(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row, as far as it has to do with money; the names are those of its columns."""

    seq: int
    id: str
    at_us: int
    provider: str
    model: str
    counts: bool
    purpose: Purpose
    held_nano: int | None
    outcome: Outcome | None
    uncached: int | None
    cache_read: int | None
    cache_write: int | None
    output: int | None
    reasoning: int | None
    estimated: bool | None
    cache_write_1h: int | None
    special: str | None
    attempts: str | None
    cost_nano: int | None
    cached_from: str | None
    saved_uncached: int | None
    saved_cache_read: int | None
    saved_cache_write: int | None
    saved_output: int | None
    saved_reasoning: int | None
    saved_estimated: bool | None
    saved_cache_write_1h: int | None
    saved_special: str | None
    saved_nano: int | None
    tier: str | None
    counted: Counted | None
    removed: str | None
    formula: int | None
    tariff: str | None
    reference: str | None
    confidence: Confidence | None
    baseline_nano: int | None
    route_nano: int | None
    compression_nano: int | None
    prompt_cache_nano: int | None
    prompt_cache_ours: bool | None
    retried_nano: int | None

    @property
    def usage(self) -> Usage | None:
        """Return what was used."""
        counts = (self.uncached, self.cache_read, self.cache_write, self.output, self.reasoning)
        return _usage(counts, self.estimated, self.cache_write_1h, self.special)

    @property
    def saved(self) -> Usage | None:
        """Return what was not used, because the answer was kept."""
        counts = (
            self.saved_uncached,
            self.saved_cache_read,
            self.saved_cache_write,
            self.saved_output,
            self.saved_reasoning,
        )
        return _usage(counts, self.saved_estimated, self.saved_cache_write_1h, self.saved_special)

    @property
    def amounts(self) -> "_Amounts":
        """Return what stands there."""
        money = None
        if self.formula is not None:
            money = Money(
                self.formula,
                self.tariff or "",
                self.reference or "",
                self.confidence or "",
                self.baseline_nano,
                self.route_nano,
                self.compression_nano,
                self.prompt_cache_nano,
                bool(self.prompt_cache_ours),
                self.retried_nano,
            )
        return _Amounts(self.cost_nano, self.saved_nano, money)


_COLUMNS = ", ".join(_Kept.__struct_fields__)
_FIRST = "SELECT min(seq) FROM turns WHERE id >= ?"
_NEXT = f"SELECT {_COLUMNS} FROM turns WHERE seq >= ? AND id >= ? ORDER BY seq LIMIT ?"
_CARDS = "SELECT id, text FROM price_cards"


class _Amounts(msgspec.Struct, frozen=True):
    """What a turn cost, what it saved by the response cache, and its lines."""

    cost_nano: int | None = None
    saved_nano: int | None = None
    money: Money | None = None

    @property
    def lines_nano(self) -> int:
        """Return the lines together."""
        if self.money is None or self.money.baseline_nano is None:
            return 0
        return self.money.baseline_nano - (self.cost_nano or 0)


class Mismatch(msgspec.Struct, frozen=True):
    """A turn that does not come out as it stands there: by name, what is kept and what is reckoned."""

    id: str
    at_us: int
    why: str
    kept: dict[str, object] = {}
    again: dict[str, object] = {}


class Recomputed(msgspec.Struct, frozen=True):
    """How the turns of a time came out: each is counted in one of the numbers after `turns`.

    `reproduced` came out to the nanodollar; nothing was ever reckoned of the `unreckoned`. `before` are from
    before amounts had a formula. What `interrupted` turns cost is what was held for them. `running` have no
    end yet. The sums are of those that were reproduced, in nanodollars.
    """

    turns: int
    reproduced: int
    unreckoned: int
    interrupted: int
    before: int
    running: int
    differing: int
    first: tuple[Mismatch, ...]
    cost_nano: int
    baseline_nano: int


class Revalued(msgspec.Struct, frozen=True):
    """What the turns of a model cost and avoided as they stand there, and what they would at other prices.

    `unknown` of them have no price there, and count as they stand. Amounts are in nanodollars.
    """

    provider: str
    model: str
    turns: int = 0
    unknown: int = 0
    cost_nano: int = 0
    new_cost_nano: int = 0
    lines_nano: int = 0
    new_lines_nano: int = 0


_Progress = Callable[[int], None]


def recompute(rows: Rows, since_us: int = 0, progress: _Progress = lambda done: None) -> Recomputed:
    """Reckon every turn again that began since then; `progress` is told how many are done."""
    cards = {str(name): str(text) for name, text in rows.rows(_CARDS)}
    tariffs = {name: Tariff(read_card(text)) for name, text in cards.items() if card_id(text) == name}
    counts = dict.fromkeys(Recomputed.__struct_fields__[:7], 0)
    first: list[Mismatch] = []
    cost = baseline = 0
    for kept in _turns(rows, since_us, progress):
        counts["turns"] += 1
        verdict = _verdict(kept, cards, tariffs)
        if isinstance(verdict, str):
            counts[verdict] += 1
            cost += (kept.cost_nano or 0) * (verdict == "reproduced")
            baseline += (kept.baseline_nano or 0) * (verdict == "reproduced")
            continue
        counts["differing"] += 1
        if len(first) < MOST_TOLD:
            first.append(verdict)
    return Recomputed(**counts, first=tuple(first), cost_nano=cost, baseline_nano=baseline)


def revalue(
    rows: Rows, book: PriceBook, since_us: int = 0, progress: _Progress = lambda done: None
) -> list[Revalued]:
    """Return what turns would have cost and avoided at the prices of a book, as these held at their times.

    By model, the largest change first.
    """
    found: dict[tuple[str, str], Revalued] = {}
    for kept in _turns(rows, since_us, progress):
        if kept.outcome is None or kept.outcome == "interrupted":
            continue
        before = kept.amounts
        after, known = _revalued(kept, book)
        key = (kept.provider, kept.model)
        sums = found.get(key) or Revalued(*key)
        found[key] = Revalued(
            *key,
            sums.turns + 1,
            sums.unknown + (not known),
            sums.cost_nano + (before.cost_nano or 0),
            sums.new_cost_nano + (after.cost_nano or 0),
            sums.lines_nano + before.lines_nano,
            sums.new_lines_nano + after.lines_nano,
        )
    return sorted(found.values(), key=_change, reverse=True)


# details


def _turns(rows: Rows, since_us: int, progress: _Progress) -> Iterator[_Kept]:
    """Yield turns in the order in which they began, some at a time."""
    lowest = floor(since_us) if since_us else ""
    ((seq,),) = rows.rows(_FIRST, (lowest,))
    done = 0
    while seq is not None:
        page = rows.rows(_NEXT, (seq, lowest, _AT_ONCE))
        for row in page:
            yield msgspec.convert(row, _Kept, strict=False)
        done += len(page)
        progress(done)
        seq = int(str(page[-1][0])) + 1 if len(page) == _AT_ONCE else None


def _verdict(kept: _Kept, cards: Mapping[str, str], tariffs: Mapping[str, Tariff]) -> str | Mismatch:
    """Return as which of its numbers `Recomputed` counts a turn, or what is wrong with it."""
    if kept.outcome is None:
        return "running"
    if kept.outcome == "interrupted" and kept.formula is None:
        held = kept.held_nano or None
        if kept.cost_nano == held:
            return "interrupted"
        return _differing(kept, "it was interrupted", {"cost_nano": held}, {"cost_nano": kept.cost_nano})
    if kept.formula is None:
        return "before" if kept.cost_nano or kept.saved_nano else "unreckoned"
    if kept.formula != FORMULA:
        return _differing(kept, f"formula {kept.formula} is not known to this version")
    attempts = _tries(kept)
    for name in (kept.tariff, kept.reference, *(each.tariff for each in attempts)):
        if name and name not in tariffs:
            why = "was altered" if name in cards else "is not on record"
            return _differing(kept, f"the card {name} {why}")
    for each in attempts:
        if each.tariff and each.usage is not None and tariffs[each.tariff].cost(each.usage) != each.cost_nano:
            again = {"cost_nano": tariffs[each.tariff].cost(each.usage)}
            return _differing(kept, f"an attempt with {each.provider}", again, {"cost_nano": each.cost_nano})
    chosen = kept.confidence == "low"
    basis = Basis(tariffs.get(kept.tariff or ""), tariffs.get(kept.reference or ""), chosen)
    before, after = _named(kept.amounts), _named(_again(kept, basis, attempts))
    if before == after:
        return "reproduced"
    wrong = [name for name in before if before[name] != after.get(name)]
    return _differing(
        kept,
        f"{', '.join(wrong)}",
        {name: after.get(name) for name in wrong},
        {name: before[name] for name in wrong},
    )


def _again(kept: _Kept, basis: Basis, attempts: tuple[Attempt, ...]) -> _Amounts:
    """Reckon a turn, as it was when it was closed."""
    counts = kept.outcome is not None and has_lines(kept.outcome, kept.purpose, counts=kept.counts)
    if kept.cached_from:
        saved = kept.saved
        nano = None
        if basis.tariff is not None and saved is not None and counts:
            nano = basis.tariff.cost(saved)
        money = cached(nano, saved, basis) if saved is not None else None
        return _Amounts(None if basis.tariff is None else 0, nano, money)
    costs = [each.cost_nano for each in attempts if each.cost_nano is not None]
    usage, removed = kept.usage, _removed.decode(kept.removed) if kept.removed else None
    used = Used(
        usage or Usage(),
        counts and usage is not None,
        kept.counted or "",
        removed,
        bool(kept.prompt_cache_ours),
        sum(costs) if costs else None,
    )
    cost, money = reckon(used, basis if usage is not None else Basis())
    return _Amounts(cost, None, money)


def _revalued(kept: _Kept, book: PriceBook) -> tuple[_Amounts, bool]:
    """Return what a turn comes to at other prices, and whether there is one for it.

    One that cost something is to be paid for; of others it is asked what they are worth.
    """
    before = kept.amounts
    tokens = kept.saved if kept.cached_from else kept.usage
    if tokens is None or not tokens.total:
        return before, True
    if kept.tariff or kept.cost_nano is not None:
        tariff = book.tariff(kept.provider, kept.model, kept.at_us, kept.tier or "")
        if tariff is None:
            return before, False
        basis = Basis(tariff)
    else:
        reference, chosen = book.reference(kept.provider, kept.model, kept.at_us)
        if reference is None:
            return before, not kept.reference
        basis = Basis(None, reference, chosen)
    return _again(kept, basis, _tries(kept)), True


def _tries(kept: _Kept) -> tuple[Attempt, ...]:
    """Return the attempts that may be billed; most turns have none."""
    text = kept.attempts or ""
    return _attempts.decode(text) if '"cost_nano"' in text else ()


def _differing(
    kept: _Kept, why: str, again: Mapping[str, object] | None = None, told: Mapping[str, object] | None = None
) -> Mismatch:
    return Mismatch(kept.id, kept.at_us, why, dict(told or {}), dict(again or {}))


def _named(amounts: _Amounts) -> dict[str, object]:
    money = msgspec.structs.asdict(amounts.money) if amounts.money is not None else {"formula": None}
    named = {"cost_nano": amounts.cost_nano, "saved_nano": amounts.saved_nano, **money}
    for name, value in named.items():
        if isinstance(value, int) and abs(value) > WIDEST:
            named[name] = max(min(value, WIDEST), -WIDEST)  # of absurd counts: as it was put on record
    return named


def _usage(
    counts: tuple[int | None, ...], estimated: bool | None, written_1h: int | None, special: str | None
) -> Usage | None:
    uncached, read, written, output, reasoning = (each or 0 for each in counts)
    if counts[0] is None:
        return None
    beyond = _special.decode(special) if special else None
    return Usage(uncached, read, written, output, reasoning, bool(estimated), written_1h or 0, beyond)


def _change(revalued: Revalued) -> tuple[int, int]:
    cost = abs(revalued.new_cost_nano - revalued.cost_nano)
    return cost + abs(revalued.new_lines_nano - revalued.lines_nano), revalued.turns
