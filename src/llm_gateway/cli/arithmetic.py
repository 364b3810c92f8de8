"""The arithmetic of one request at a terminal: counts times prices, the sums, and the lines between them.

What is shown is `server/money_views.py`, in `requests show`. Nothing is rounded here.
"""

from collections.abc import Iterable, Sequence

from llm_gateway.cli.output import plain
from llm_gateway.server.money_views import CardView, LinesView, MoneyView, SumView, exact_usd

__all__ = ["print_money"]

_SUMS = {
    "used": "what was used",
    "sent": "without compression",
    "bare": "and without the provider's cache",
    "saved": "what asking again would have used",
}
_UNITS = {1_000_000: "a million", 1000: "a thousand", 1: "each"}


def print_money(money: MoneyView) -> None:
    """Print how the money of a request was reckoned."""
    print()
    sure = f", confidence {money.confidence}" if money.confidence else ""
    print(f"money, by formula {money.formula}{sure}")
    for told, card in (("priced by", money.card), ("worth by", money.reference)):
        if card is not None:
            print(f"  {told} {_card(card)}")
    for each in money.sums:
        _print_sum(each)
    for name, amount, told in _lines(money.lines, {each.what: each for each in money.sums}):
        print(f"  {name:24}{_dollars(amount):>18}  {told}".rstrip())
    if money.reproduces is None:
        print("  the card is not on record any more, so this cannot be added up anew")
    elif not money.reproduces:
        print("  the sums are not what is on record: `llm-gateway savings recompute` says what differs")


def _card(card: CardView) -> str:
    """Return where a price stands, and how it was found."""
    where = " ".join(filter(None, (card.source, card.version, card.sha256[:12])))
    of = f"{card.provider}/{card.model}" if card.provider or card.model else "any model"
    terms = (
        card.match,
        card.tier and f"tier {card.tier}",
        card.since and f"since {card.since}",
        card.hours and f"{card.hours} UTC",
    )
    other = f"; {card.other}" if card.other else ""
    return plain(f"card {card.id}: {of} ({', '.join(filter(None, terms))}) in {where}{other}")


def _print_sum(found: SumView) -> None:
    print(f"  {_SUMS[found.what]}:")
    rows = [
        (part.of, f"{part.count:,}", f"${part.usd_each} {_UNITS[part.per]}", f"${part.usd}")
        for part in found.parts
    ]
    widths = _widths(rows)
    for of, count, price, amount in rows:
        print(f"    {of:<{widths[0]}}  {count:>{widths[1]}} x {price:<{widths[2]}}  = {amount:>{widths[3]}}")
    print(f"    together {_dollars(found.nano)}")


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max((len(row[column]) for row in rows), default=0) for column in range(4)]


def _lines(lines: LinesView, sums: dict[str, SumView]) -> Iterable[tuple[str, int, str]]:
    """Yield the lines that there are, from the baseline to the cost."""
    used, sent, bare = (sums[name].nano if name in sums else None for name in ("used", "sent", "bare"))
    marks = "by the gateway's marks" if lines.prompt_cache_ours else "the provider's discount"
    whole = sent if sent is not None else used
    told = (
        ("baseline", lines.baseline, "what the same work would have cost without any of it"),
        ("API-equivalent value", lines.route, "nobody bills it"),
        ("compression", lines.compression, _difference(sent, used)),
        ("response cache", lines.response_cache, "nobody was asked"),
        ("prompt cache", lines.prompt_cache, f"{_difference(bare, whole)}, {marks}"),
        ("cost", lines.cost, ""),
        ("other attempts", lines.retried, "what they probably cost; in no amount above"),
    )
    for name, amount, how in told:
        if amount is not None:
            yield name, amount, how


def _difference(one: int | None, other: int | None) -> str:
    return f"{_dollars(one)} - {_dollars(other)}" if one is not None and other is not None else ""


def _dollars(nano: int) -> str:
    return f"-${exact_usd(-nano)}" if nano < 0 else f"${exact_usd(nano)}"
