"""What a turn cost, and what it would have cost otherwise: one formula, in lines that never overlap.

Take away one thing after the other, and what each takes away is its line. For whoever is to be paid, from
what the client sent, read and written by no cache, to what was billed:

    baseline = bare(sent)                       every input token at the price of a new one
    prompt cache = bare(sent) - cost(sent)      negative where more was written than read
    compression = cost(sent) - cost(used)       `sent` is what was used and what compression had taken out
    cost = cost(used)

For a local model or a subscription nobody bills the turn, and `route` is what it is worth at a reference:
baseline = route = cost(used) there. What compression and the cache did to it is in tokens alone. An answer
from the response cache costs nothing, and its line is what asking would have cost. So the baseline is the
cost and the lines together, to the nanodollar, always. Only answers to requests count: what failed, smoke
tests and demos have a cost and no lines.
"""

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.records import Confidence, Counted, Money, Outcome, Purpose, Removed
from llm_gateway.ledger.tariff import Tariff

__all__ = ["FORMULA", "Basis", "Used", "cached", "has_lines", "reckon", "restored"]

FORMULA = 1
"""The version of the formula, kept with every turn that it reckoned."""


class Basis(msgspec.Struct, frozen=True):
    """At what a target's tokens are reckoned.

    `tariff` is what is paid, None where nobody is to be; `reference` is what an answer is worth that nobody
    bills, None where nobody said. `chosen`: the reference is the user's choice, not the same model's price.
    """

    tariff: Tariff | None = None
    reference: Tariff | None = None
    chosen: bool = False

    @property
    def is_known(self) -> bool:
        """Return whether a price is known, and not assumed."""
        if self.tariff is not None:
            return self.tariff.card.match != "assumed"
        return self.reference is not None


class Used(msgspec.Struct, frozen=True):
    """What a turn used, and what it says of the lines.

    `counts` is whether it may have lines. `ours`: the gateway placed the marks of the provider's cache.
    `retried_nano` is what other attempts probably cost.
    """

    usage: Usage
    counts: bool
    counted: Counted = "provider"
    removed: Removed | None = None
    ours: bool = False
    retried_nano: int | None = None


def has_lines(outcome: Outcome, purpose: Purpose, *, counts: bool) -> bool:
    """Return whether a turn may have lines: an answer, to a request, and no demo's."""
    return outcome == "ok" and purpose == "request" and counts


def reckon(used: Used, basis: Basis) -> tuple[int | None, Money | None]:
    """Return what a turn cost, None where nobody is to be paid, and how that was reckoned."""
    if basis.tariff is not None:
        return _billed(used, basis.tariff)
    reference, retried = basis.reference, used.retried_nano
    if reference is None or not used.counts:
        return None, None if retried is None else Money(FORMULA, retried_nano=retried)
    worth = reference.cost(used.usage)
    sure: Confidence = "low" if basis.chosen else _confidence(used, reference)
    money = Money(
        FORMULA, "", reference.id, sure, baseline_nano=worth, route_nano=worth, retried_nano=retried
    )
    return None, money


def cached(saved_nano: int | None, saved: Usage, basis: Basis) -> Money | None:
    """Return how the money of an answer from the response cache was reckoned: nobody was asked for it."""
    if basis.tariff is None or saved_nano is None:
        return None
    counted: Counted = "bytes" if saved.estimated else "provider"
    sure = _confidence(Used(saved, counts=True, counted=counted), basis.tariff)
    return Money(FORMULA, basis.tariff.id, confidence=sure, baseline_nano=saved_nano)


def _billed(used: Used, tariff: Tariff) -> tuple[int, Money]:
    usage, removed = used.usage, used.removed
    cost, sure = tariff.cost(usage), _confidence(used, tariff)
    if not used.counts:
        return cost, Money(FORMULA, tariff.id, confidence=sure, retried_nano=used.retried_nano)
    sent, whole = usage, cost
    compression = prompt_cache = None
    if removed is not None:
        sent = restored(usage, removed)
        whole = tariff.cost(sent)
        compression = whole - cost
    baseline = whole
    if sent.cache_read or sent.cache_write:
        baseline = tariff.bare(sent)
        prompt_cache = baseline - whole
    ours = used.ours and prompt_cache is not None
    amounts = (baseline, None, compression, prompt_cache, ours, used.retried_nano)
    return cost, Money(FORMULA, tariff.id, "", sure, *amounts)


def restored(usage: Usage, removed: Removed) -> Usage:
    """Return what would have been used without compression."""
    return msgspec.structs.replace(
        usage,
        uncached=usage.uncached + removed.uncached,
        cache_read=usage.cache_read + removed.cache_read,
        cache_write=usage.cache_write + removed.cache_write,
        output=max(usage.output - removed.output, 0),
        reasoning=min(usage.reasoning, max(usage.output - removed.output, 0)),
    )


def _confidence(used: Used, tariff: Tariff) -> Confidence:
    card = tariff.card
    if card.match == "assumed" or used.counted == "bytes":
        return "low"
    if used.removed is not None and used.counts:
        return "medium"  # what was not sent nobody has counted
    if used.counted in ("provider", "") and card.match in ("exact", "stated") and not card.other:
        return "high"
    return "medium"
