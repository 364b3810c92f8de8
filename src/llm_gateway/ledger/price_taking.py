"""Take prices over as genai-prices publishes them: read, checked, and written down as our table.

Only what a turn's usage has a count for: what costs by the minute or by the page is left out, and a model
that costs nothing else is, too. How our table is read is `price_table.py`.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal

import msgspec

from llm_gateway.ledger.price_table import Clause, PriceRow, TableModel, TableProvider
from llm_gateway.ledger.tariff import Steps, TokenClass
from llm_gateway.wire.ready import ready

__all__ = ["CLASSES", "BadPrices", "taken", "written"]

CLASSES: Mapping[str, TokenClass] = {
    "input_mtok": "input",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "input_audio_mtok": "audio_in",
    "cache_audio_read_mtok": "audio_read",
    "output_audio_mtok": "audio_out",
    "input_image_mtok": "image_in",
    "cache_image_read_mtok": "image_read",
    "output_image_mtok": "image_out",
}
"""What genai-prices calls a price of a million tokens, and our name of what it is for."""

_SEARCH, _REQUESTS = "web_searches_kcount", "requests_kcount"
# What a variant of a price depends on there, and our name of that tier: OpenAI's and Google's service tiers,
# everybody's batches, Anthropic's fast mode. Others depend on what no answer says, such as a route.
_TIERS: Mapping[tuple[str, str], str] = {
    ("processing", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
    ("service_tier", "fast"): "fast",
    ("speed", "fast"): "fast",
}
# A thousand times what the dearest model costs: what is over that was read wrongly.
_DEAREST = Decimal(1_000_000)


class BadPrices(Exception):
    """What was to be taken over is no list of prices; the message says why."""


@ready
class _Step(msgspec.Struct, frozen=True):
    start: int
    price: Decimal


@ready
class _Stepped(msgspec.Struct, frozen=True):
    base: Decimal
    tiers: tuple[_Step, ...]


_Prices = dict[str, Decimal | _Stepped]


@ready
class _When(msgspec.Struct, frozen=True):
    start_date: date | None = None
    start_time: time | None = None
    end_time: time | None = None


@ready
class _Conditional(msgspec.Struct, frozen=True):
    prices: _Prices
    constraint: _When | None = None
    when: dict[str, str] = {}


@ready
class _Model(msgspec.Struct, frozen=True):
    id: str
    match: Clause
    prices: _Prices | tuple[_Conditional, ...]
    price_variants: tuple[_Conditional, ...] = ()
    context_window: int | None = None


@ready
class _Provider(msgspec.Struct, frozen=True):
    id: str
    api_pattern: str
    models: tuple[_Model, ...] = ()
    fallback_model_providers: tuple[str, ...] = ()


_published = msgspec.json.Decoder(tuple[_Provider, ...])


def taken(published: bytes) -> list[tuple[TableProvider, list[TableModel]]]:
    """Return the providers of a published list, each with its models; raise BadPrices for what is none."""
    try:
        providers = _published.decode(published)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadPrices(f"it is not in the form that genai-prices publishes: {error}") from error
    found = [_provider(each) for each in providers]
    if not any(models for _, models in found):
        raise BadPrices("there is no model with a price of tokens in it")
    names = [provider.name for provider, _ in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadPrices(f"{min(twice)} is there more than once")
    return [(provider, models) for provider, models in found if models]


def written(
    source: str,
    version: str,
    providers: Iterable[tuple[TableProvider, Iterable[TableModel]]],
    checked: str = "",
) -> bytes:
    """Return a table as it lies in a file: a line for each model, so that changes of it can be read."""
    body = b"[%b]" % b",\n".join(_lines(provider, models) for provider, models in providers)
    head: dict[str, object] = {
        "source": source,
        "version": version,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    if checked:
        head["checked"] = checked
    return msgspec.json.encode({**head, "providers": msgspec.Raw(body)}) + b"\n"


def _lines(provider: TableProvider, models: Iterable[TableModel]) -> bytes:
    lines = b",\n".join(map(msgspec.json.encode, models))
    return msgspec.json.encode(msgspec.structs.replace(provider, models=msgspec.Raw(b"[\n%b]" % lines)))


def _provider(told: _Provider) -> tuple[TableProvider, list[TableModel]]:
    _check_pattern(told.api_pattern, told.id)
    models = [model for each in told.models if (model := _model(each)).prices]
    also = tuple(told.fallback_model_providers)
    return TableProvider(told.id, told.api_pattern, msgspec.Raw(b"[]"), also), models


def _model(told: _Model) -> TableModel:
    for pattern in _patterns(told.match):
        _check_pattern(pattern, told.id)
    prices = (_Conditional(told.prices),) if isinstance(told.prices, dict) else told.prices
    rows = tuple(row for each in prices if (row := _row(each, told.id)).rates)
    tiers = tuple(_tiers(told))
    return TableModel(told.id, told.match, rows, tiers, told.context_window)


def _tiers(told: _Model) -> Iterator[PriceRow]:
    for each in told.price_variants:
        tier = _TIERS.get(next(iter(each.when.items()))) if len(each.when) == 1 else None
        if tier is not None:
            row = _row(each, told.id)
            if row.rates or row.search is not None:
                yield msgspec.structs.replace(row, tier=tier)


def _row(told: _Conditional, of: str) -> PriceRow:
    rates: dict[TokenClass, Decimal | Steps] = {
        name: _rate(told.prices[key], of) for key, name in CLASSES.items() if key in told.prices
    }
    since = hours = ""
    if told.constraint is not None:
        if told.constraint.start_date is not None:
            since = told.constraint.start_date.isoformat()
        hours = _hours(told.constraint, of)
    return PriceRow(rates, _amount(told, _SEARCH, of), _amount(told, _REQUESTS, of), since, hours)


def _hours(when: _When, of: str) -> str:
    if (when.start_time is None) != (when.end_time is None):
        raise BadPrices(f"{of} has a price for a part of the day, of which one end is missing")
    if when.start_time is None or when.end_time is None:
        return ""
    return f"{_minute(when.start_time, of)}-{_minute(when.end_time, of)}"


def _minute(told: time, of: str) -> str:
    if told.second or told.microsecond:
        raise BadPrices(f"{of} has a price that begins or ends within a minute: {told}")
    if told.tzinfo is not None:
        told = datetime.combine(date(1970, 1, 2), told).astimezone(UTC).timetz()
    return told.strftime("%H:%M")


def _amount(told: _Conditional, key: str, of: str) -> Decimal | None:
    match told.prices.get(key):
        case None:
            return None
        case Decimal() as amount:
            return _checked(amount, of)
        case _Stepped():
            raise BadPrices(f"{of}: {key} depends on how much goes in, which nothing but tokens does")


def _rate(told: Decimal | _Stepped, of: str) -> Decimal | Steps:
    if isinstance(told, Decimal):
        return _checked(told, of)
    steps = sorted((each.start, _checked(each.price, of)) for each in told.tiers)
    if not steps:
        return _checked(told.base, of)
    if steps[0][0] <= 0 or len({start for start, _ in steps}) < len(steps):
        raise BadPrices(f"{of} has prices for much input that begin at {[start for start, _ in steps]}")
    return ((0, _checked(told.base, of)), *steps)


def _checked(amount: Decimal, of: str) -> Decimal:
    if not amount.is_finite() or not 0 <= amount <= _DEAREST:
        raise BadPrices(f"{of} would cost {amount} dollars")
    return amount


def _patterns(clause: Clause) -> Iterator[str]:
    if clause.regex is not None:
        yield clause.regex
    for each in (*clause.any_of, *clause.all_of):
        yield from _patterns(each)


def _check_pattern(pattern: str, of: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise BadPrices(f"{of}: {pattern!r} is not a regular expression: {error}") from error
