"""What was avoided, with its arithmetic: the baseline, the cost, and the lines in between, as values.

Every figure is a sum over turns that anybody can add up again, and every line says at which prices. What a
line means is in `ledger/accounting.py`.
"""

from collections.abc import Iterable, Iterator

import msgspec

from llm_gateway.ledger.card_uses import LINES, CardUse, card_uses
from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.sums import Sums
from llm_gateway.ledger.usage import Row, usage
from llm_gateway.server.advice import Advice, advice
from llm_gateway.server.usage_query import Question
from llm_gateway.server.views import iso
from llm_gateway.wire.ready import ready

__all__ = [
    "Amount",
    "ConfidenceView",
    "LineView",
    "PriceUseView",
    "SavingsShareView",
    "SavingsView",
    "amount",
    "basis",
    "confidence_view",
    "cost_counted",
    "line_views",
    "savings_answer",
]

_MEANINGS = {
    "route": "API-equivalent value of what local models and subscriptions answered",
    "compression": "what was not sent because compression took it out, at the price that it would have had",
    "response_cache": "answers that were kept, at the price of asking for them again",
    "prompt_cache": "the provider's discount for what it read from its cache, less what writing it cost",
}


@ready
class Amount(msgspec.Struct, frozen=True):
    """An amount of money: in US dollars, and exactly in nanodollars."""

    usd: float
    nano: int


@ready
class PriceUseView(msgspec.Struct, frozen=True):
    """Where prices stand that a line was reckoned at, and for how many turns."""

    source: str
    version: str
    sha256: str
    cards: int
    turns: int


@ready
class LineView(msgspec.Struct, frozen=True):
    """One line, below 0 where it cost more. `counted` is the part of it that is the gateway's doing."""

    line: str
    meaning: str
    turns: int
    amount: Amount
    counted: Amount
    prices: list[PriceUseView]


@ready
class ConfidenceView(msgspec.Struct, frozen=True):
    """What was avoided by how sure it is, and between which amounts it is.

    `high`: counted by the provider, at a price that is stated for just that model; `low`: a guess has part in
    it, or a reference that the user chose. `least` is what is sure and all that is negative; `most` is what
    is sure and all that is positive.
    """

    high: Amount
    medium: Amount
    low: Amount
    least: Amount
    most: Amount


@ready
class SavingsShareView(msgspec.Struct, frozen=True):
    """The arithmetic for some of the turns: `baseline` is `cost_counted` and the lines together."""

    names: dict[str, str]
    requests: int
    baseline: Amount
    route: Amount
    compression: Amount
    response_cache: Amount
    prompt_cache: Amount
    prompt_cache_ours: Amount
    cost_counted: Amount
    cost: Amount


@ready
class SavingsView(msgspec.Struct, frozen=True):
    """What would have been paid, and what made the difference: `baseline` less `lines` is `cost_counted`.

    `cost_beside` is what turns cost that have no lines: failed, cancelled, smoke tests, and those from before
    there were lines. `avoided` is what the gateway avoided of what is billed; `equivalent` what answers are
    worth that nobody bills, and no saving: nobody knows whether they would have been bought. `discount` is
    the provider's own, where the gateway placed no marks. `retried` is in no other amount.
    """

    since: str
    until: str
    requests: int
    counted: int
    baseline: Amount
    lines: list[LineView]
    cost_counted: Amount
    cost_beside: Amount
    cost: Amount
    retried: Amount
    avoided: Amount
    equivalent: Amount
    discount: Amount
    confidence: ConfidenceView
    by: list[str]
    shares: list[SavingsShareView]
    advice: list[Advice]


def savings_answer(rows: Rows, question: Question) -> SavingsView:
    """Return the answer to a question; what was seen and not routed is in no line."""
    asked = question.whole(*question.asked.by, source="routed")
    shares = sorted(usage(rows, asked), key=_order)
    whole = sum((row.sums for row in shares), start=Sums())
    uses = card_uses(rows, asked.since_us, question.until_us, asked.where)
    with_lines = cost_counted(whole)
    return SavingsView(
        since=iso(asked.since_us),
        until=iso(question.until_us),
        requests=whole.requests,
        counted=sum(use.counted for use in uses),
        baseline=amount(whole.baseline_nano),
        lines=line_views(whole, uses),
        cost_counted=amount(with_lines),
        cost_beside=amount(whole.cost_nano - with_lines),
        cost=amount(whole.cost_nano),
        retried=amount(whole.retried_nano),
        avoided=amount(whole.avoided_nano - whole.route_nano),
        equivalent=amount(whole.route_nano),
        discount=amount(whole.prompt_cache_nano - whole.prompt_cache_ours_nano),
        confidence=confidence_view(whole),
        by=list(asked.by),
        shares=[_share(asked.by, row) for row in shares] if asked.by else [],
        advice=advice(usage(rows, question.whole("client", "provider", "model", source="routed"))),
    )


def line_views(whole: Sums, uses: Iterable[CardUse] = ()) -> list[LineView]:
    """Show the four lines."""
    known = list(uses)
    counted = {name: getattr(whole, f"{name}_nano") for name in LINES}
    counted["prompt_cache"] = whole.prompt_cache_ours_nano
    return [
        LineView(
            name,
            _MEANINGS[name],
            sum(use.lines[name][0] for use in known),
            amount(getattr(whole, f"{name}_nano")),
            amount(counted[name]),
            list(_prices(name, known)),
        )
        for name in LINES
    ]


def confidence_view(whole: Sums) -> ConfidenceView:
    """Show how sure it is what was avoided."""
    unsure = (whole.medium_nano, whole.low_nano)
    return ConfidenceView(
        amount(whole.high_nano),
        amount(whole.medium_nano),
        amount(whole.low_nano),
        amount(whole.high_nano + sum(min(each, 0) for each in unsure)),
        amount(whole.high_nano + sum(max(each, 0) for each in unsure)),
    )


def basis(whole: Sums) -> str:
    """Return in a sentence what stands behind what was avoided."""
    if not (whole.baseline_nano or whole.avoided_nano):
        return "no answer of this time has a price or a reference, so nothing is counted as avoided"
    told = (
        f"API-equivalent value {_usd(whole.route_nano)}, compression {_usd(whole.compression_nano)}, "
        f"response cache {_usd(whole.response_cache_nano)}, provider's cache where the gateway placed "
        f"the marks {_usd(whole.prompt_cache_ours_nano)}"
    )
    return f"{told}; see /api/dashboard/savings for the arithmetic"


def cost_counted(sums: Sums) -> int:
    """Return what the turns that have lines cost: the baseline less the lines."""
    return (
        sums.baseline_nano
        - sums.route_nano
        - sums.compression_nano
        - sums.response_cache_nano
        - sums.prompt_cache_nano
    )


def amount(nano: int) -> Amount:
    """Show an amount of nanodollars."""
    return Amount(float(dollars(nano)), nano)


def _prices(line: str, uses: Iterable[CardUse]) -> Iterator[PriceUseView]:
    found: dict[tuple[str, str, str], list[int]] = {}
    for use in uses:
        turns, _ = use.lines[line]
        if turns:
            card = use.card
            table = (
                (card.source, card.version, card.sha256) if card is not None else ("not on record", "", "")
            )
            known = found.setdefault(table, [0, 0])
            known[0] += 1
            known[1] += turns
    for (source, version, digest), (cards, turns) in sorted(found.items(), key=lambda each: -each[1][1]):
        yield PriceUseView(source, version, digest, cards, turns)


def _order(row: Row) -> tuple[int, int, tuple[str, ...]]:
    return -row.sums.baseline_nano, -row.sums.cost_nano, row.names


def _share(by: tuple[str, ...], row: Row) -> SavingsShareView:
    sums = row.sums
    return SavingsShareView(
        names=dict(zip(by, row.names, strict=True)),
        requests=sums.requests,
        baseline=amount(sums.baseline_nano),
        route=amount(sums.route_nano),
        compression=amount(sums.compression_nano),
        response_cache=amount(sums.response_cache_nano),
        prompt_cache=amount(sums.prompt_cache_nano),
        prompt_cache_ours=amount(sums.prompt_cache_ours_nano),
        cost_counted=amount(cost_counted(sums)),
        cost=amount(sums.cost_nano),
    )


def _usd(nano: int) -> str:
    return f"{'-' if nano < 0 else ''}${abs(dollars(nano)):.6f}"
