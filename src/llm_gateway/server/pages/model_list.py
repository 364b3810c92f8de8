"""Models by who serves them: found by a word, a page of them at a time, each with its price and how it fared.

However many a provider lists, only those that are shown are priced.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from llm_gateway.ledger.accounting import Basis
from llm_gateway.ledger.tariff import Steps, Tariff
from llm_gateway.ledger.usage import Row
from llm_gateway.providers.discovery import ModelEntry
from llm_gateway.upstream.fleet import Member

__all__ = [
    "PER_PAGE",
    "Fared",
    "ModelPrice",
    "ModelRow",
    "ModelsShown",
    "Priced",
    "Wanted",
    "fared_of",
    "models_shown",
]

PER_PAGE = 50
_LONGEST = 100
_FREE: Steps = ()

Priced = Callable[[str, str], Basis]
"""At what the tokens of a provider's model are reckoned."""

_MATCHES = {
    "pattern": "by a pattern of the table",
    "stated": "as you stated it",
    "wildcard": "as you stated it for all its models",
}


class ModelPrice(msgspec.Struct, frozen=True):
    """Dollars for a million tokens in and out, where that stands; `paid`, or what an answer is worth.

    `steps`: more tokens in one request have another price.
    """

    input: float | None
    output: float | None
    source: str
    paid: bool
    steps: bool


class Fared(msgspec.Struct, frozen=True):
    """How a model fared: requests of a day, and half of its answers began after so many milliseconds."""

    requests: int = 0
    ttft_ms: float | None = None


class ModelRow(msgspec.Struct, frozen=True):
    """A model of a provider, by the name that always means it; `context` in tokens, 0 where nobody says."""

    name: str
    label: str
    provider: str
    state: str
    context: int
    price: ModelPrice | None
    fared: Fared


class Wanted(msgspec.Struct, frozen=True):
    """Which models: those of a provider, those that hold a text, both "" for all; and which page of them."""

    text: str = ""
    provider: str = ""
    page: int = 1


class ModelsShown(msgspec.Struct, frozen=True):
    """A page of the models that are wanted, and how many there are in all."""

    rows: list[ModelRow]
    total: int
    page: int
    pages: int


def models_shown(
    members: Mapping[str, Member],
    wanted: Wanted,
    fared: Mapping[tuple[str, str], Fared],
    priced: Priced,
    window: Callable[[str, str], int],
) -> ModelsShown:
    """Return a page of the models that providers list, by provider and in its order."""
    found = _found(members, wanted)
    pages = max(1, -(-len(found) // PER_PAGE))
    page = min(max(wanted.page, 1), pages)
    rows = []
    for member, name in found[(page - 1) * PER_PAGE : page * PER_PAGE]:
        entry = next((each for each in member.entries if each.id == name), ModelEntry(name))
        provider = member.row.name
        rows.append(
            ModelRow(
                name=f"{provider}/{name}",
                label=entry.label if entry.label != name else "",
                provider=provider,
                state=member.state,
                context=entry.context_length or window(provider, name),
                price=_price(priced(provider, name)),
                fared=fared.get((provider, name), Fared()),
            )
        )
    return ModelsShown(rows, len(found), page, pages)


def fared_of(week: Sequence[Row], day: Sequence[Row]) -> dict[tuple[str, str], Fared]:
    """Return how models fared, by provider and model: the times of a week, and the requests of a day."""
    requests = {each.names: each.sums.requests for each in day}
    times = {each.names: each.ttft.p50_us / 1000 if each.ttft is not None else None for each in week}
    return {
        (names[0], names[1]): Fared(requests.get(names, 0), times.get(names))
        for names in requests.keys() | times.keys()
    }


def _found(members: Mapping[str, Member], wanted: Wanted) -> list[tuple[Member, str]]:
    text = wanted.text.lower()[:_LONGEST]
    return [
        (member, model)
        for name, member in sorted(members.items())
        if not wanted.provider or name == wanted.provider
        for model in member.models
        if not text or text in f"{name}/{model}".lower()
    ]


def _price(basis: Basis) -> ModelPrice | None:
    """Return a price as it is shown; None where nobody knows it, or nobody is to be paid and nobody said."""
    tariff = basis.tariff or basis.reference
    if tariff is None or not basis.is_known:
        return None
    into, out = (tariff.card.rates.get("input", _FREE), tariff.card.rates.get("output", _FREE))
    steps = len(into) > 1 or len(out) > 1
    return ModelPrice(_first(into), _first(out), _source(tariff), basis.tariff is not None, steps)


def _first(steps: Steps) -> float | None:
    return float(steps[0][1]) if steps else None


def _source(tariff: Tariff) -> str:
    card = tariff.card
    how = _MATCHES.get(card.match, "")
    return f"{card.source} {card.version}".strip() + (f", {how}" if how else "")
