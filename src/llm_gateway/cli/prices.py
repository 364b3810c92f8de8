"""`prices`: what tokens cost, where that stands and how it was found, whether or not a gateway runs."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import FAILED, USAGE, Stop, json_line, say, table
from llm_gateway.cli.price_refresh import refresh
from llm_gateway.cli.price_shop import Shop, Use
from llm_gateway.clock import SystemClock
from llm_gateway.ledger.price_table import PriceTable, TableModel, holding, steps_of
from llm_gateway.ledger.tariff import Card, Steps, Tariff, TokenClass

__all__ = ["prices"]

_LISTED: tuple[TokenClass, ...] = ("input", "output", "cache_read", "cache_write")
_FOUND = {
    "exact": "by its name",
    "pattern": "by a pattern of the table",
    "stated": "stated for this model",
    "wildcard": "stated for all models of the provider",
    "assumed": "assumed, because nobody knows the price",
}


@click.group()
def prices() -> None:
    """Show what tokens cost and where that stands, and take over newer prices."""


prices.add_command(refresh)


@prices.command()
@click.argument("model")
@click.option("--at", default="", help="At another time, such as 2026-05-01 or 2026-05-01T12:00, in UTC.")
@json_option
@pass_context
def show(context: Context, model: str, at: str, as_json: bool) -> None:
    """Show the price of a model: provider/model, a bare name, or an alias."""
    at_us = _moment(at)
    shop = Shop(context)
    found = [(use, shop.tiers(use, at_us)) for use in shop.uses(model, at_us)]
    if as_json:
        views = [_view(use, tiers) for use, tiers in found]
        json_line("prices", {"at": _iso(at_us), "prices": views})
    else:
        for number, (names, (use, tiers)) in enumerate(_alike(found)):
            if number:
                print()
            _print(names, use, tiers)
    if not found:
        hint = (
            "hint: `llm-gateway prices list --provider NAME` lists those of the table; [[prices.models]] "
            "states one of yours, and [prices.reference] what a local model or a subscription is worth"
        )
        raise Stop(FAILED, "" if as_json else f"error: no price of {model} is known\n{hint}")


@prices.command("list")
@click.option("--provider", default="", help="The models of this one, by its name here or in the table.")
@json_option
@pass_context
def list_(context: Context, provider: str, as_json: bool) -> None:
    """List the models of a provider with their prices, or the providers whose prices are known."""
    shop = Shop(context)
    known = shop.table
    if not provider:
        counts = {name: len(known.models(name)) for name in sorted(known.names)}
        if as_json:
            json_line("price-providers", {**_whose(known), "providers": counts})
        else:
            table(("PROVIDER", "MODELS"), counts.items())
            say(_named(known.source, known.version, known.sha256))
        return
    seller = shop.seller(provider)
    if not seller:
        hint = "hint: `llm-gateway prices list` names those whose prices it has"
        raise Stop(FAILED, f"error: the table has no prices of {provider}\n{hint}")
    models = known.models(seller)
    if as_json:
        json_line("price-list", {**_whose(known), "provider": seller, "models": models})
        return
    now_us = SystemClock().now_us()
    table(
        ("MODEL", "IN", "OUT", "CACHE READ", "CACHE WRITE", "SINCE"),
        [_cells(each, now_us) for each in models],
    )
    say(f"US dollars for a million tokens; {_named(known.source, known.version, known.sha256)}")


# what is shown


_Priced = tuple[Use, dict[str, Tariff]]


def _alike(found: Iterable[_Priced]) -> list[tuple[str, _Priced]]:
    """Return those that have the same price once, with the names of all of them."""
    names: dict[tuple[str, bool, str], list[str]] = {}
    first: dict[tuple[str, bool, str], _Priced] = {}
    for use, tiers in found:
        key = (use.use, use.chosen, use.tariff.id)
        names.setdefault(key, []).append(use.model)
        first.setdefault(key, (use, tiers))
    return [(", ".join(names[key]), priced) for key, priced in first.items()]


def _print(names: str, use: Use, tiers: Mapping[str, Tariff]) -> None:
    card = use.tariff.card
    if use.use == "worth":
        why = "the reference that you chose" if use.chosen else "what the vendor takes for it"
        print(f"{names}: nobody bills it; it is worth {why}")
    else:
        print(names)
    others = [tariff.card.rates for tariff in tiers.values()]
    table(
        ("$ A MILLION TOKENS", "USUAL", *(tier.upper() for tier in tiers)),
        [
            (name.replace("_", " "), _dollars(steps), *(_dollars(other[name]) for other in others))
            for name, steps in card.rates.items()
        ],
    )
    when = [f"since {card.since}"] if card.since else []
    when += [f"from {card.hours.replace('-', ' to ')} UTC"] if card.hours else []
    lines = {
        "a thousand searches": f"${card.search:f}" if card.search else "",
        "each request": f"${card.request:f}" if card.request else "",
        "source": _named(card.source, card.version, card.sha256),
        "row": f"{card.provider or '*'}/{card.model or '*'}, {_FOUND[card.match]}",
        "holds": ", ".join(when),
        "doubt": card.other,
        "card": use.tariff.id,
    }
    for name, text in lines.items():
        if text:
            print(f"{name}: {text}")


def _view(use: Use, tiers: Mapping[str, Tariff]) -> dict[str, object]:
    return {
        "model": use.model,
        "use": use.use,
        "chosen": use.chosen,
        **_card(use.tariff),
        "tiers": {tier: _card(tariff) for tier, tariff in tiers.items()},
    }


def _card(tariff: Tariff) -> dict[str, object]:
    """Return a card with all its fields, those that say nothing, too."""
    card: Card = tariff.card
    return {"id": tariff.id, "card": msgspec.structs.asdict(card)}


def _whose(known: PriceTable) -> dict[str, object]:
    return {
        "source": known.source,
        "version": known.version,
        "sha256": known.sha256,
        "checked": known.checked,
    }


def _named(source: str, version: str, sha256: str) -> str:
    return " ".join(filter(None, (source, version, f"(sha256 {sha256})" if sha256 else "")))


def _cells(model: TableModel, at_us: int) -> list[object]:
    row = holding(model.prices, at_us)
    assert row is not None, "the table has no model without a price"
    rates = [_dollars(steps_of(row.rates[name])) if name in row.rates else None for name in _LISTED]
    return [model.id, *rates, row.since]


def _dollars(steps: Steps) -> str:
    """Return a price, and where much input changes it, from how many tokens on: `3, 6 above 200000`."""
    return ", ".join(f"{rate:f} above {start}" if start else f"{rate:f}" for start, rate in steps)


# times


def _moment(text: str) -> int:
    """Return the time that was named, now where none was."""
    if not text:
        return SystemClock().now_us()
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise Stop(USAGE, f"error: {text!r} is no time such as 2026-05-01 or 2026-05-01T12:00") from None
    at = told.replace(tzinfo=UTC) if told.tzinfo is None else told
    return int(Decimal(repr(at.timestamp())) * 1_000_000)


def _iso(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
