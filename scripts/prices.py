"""Take the price table over from genai-prices (MIT), as the data that the gateway reads.

    python scripts/prices.py LITELLM.WHL     write the table, and what LiteLLM says where it differs
    python scripts/prices.py --check [N]     reckon N usages as genai-prices does, and say where we differ
    python scripts/prices.py --golden        write figures that genai-prices reckoned, for the tests

Needs `genai-prices`, which neither the gateway nor its tests do: the library brings eleven distributions and
30 MB of memory for one look-up a minute, so its data are kept as JSON, cut down to what a usage has a count
for, and the tests go by figures that it reckoned. LITELLM.WHL is a wheel of LiteLLM (MIT), of which only the
table is read (`pip download --no-deps litellm`). Where the two differ by over a hundredth, both are kept, and
who looks at an amount sees that it is not sure.
"""

import importlib
import importlib.metadata
import random
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from time import time_ns

import msgspec

from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.ledger.price_table import (
    Clause,
    PriceRow,
    PriceTable,
    TableModel,
    TableProvider,
    read_table,
    steps_of,
)
from llm_gateway.ledger.price_taking import taken, written
from llm_gateway.ledger.prices import PriceBook

_ROOT = Path(__file__).resolve().parents[1]
TABLE = _ROOT / "src" / "llm_gateway" / "ledger" / "prices.json"
GOLDEN = _ROOT / "tests" / "ledger" / "prices_golden.json"

_LITELLM = "litellm/model_prices_and_context_window_backup.json"
# LiteLLM's names of providers, and the table's.
_SELLERS = {
    "anthropic": "anthropic",
    "cerebras": "cerebras",
    "deepseek": "deepseek",
    "fireworks_ai": "fireworks",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "moonshot": "moonshotai",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together_ai": "together",
    "xai": "x-ai",
    "zai": "zai",
}
_NOW = 1_795_737_600  # 2026-11-27
_DIFFERENT = Decimal("0.01")
_GOLDEN_FIGURES = 1000
# What the library is told to find the price of a tier.
_CONTEXTS: Mapping[str, dict[str, str]] = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}

_Providers = list[tuple[TableProvider, list[TableModel]]]


class _Figure(msgspec.Struct, frozen=True):
    """What somebody reckoned: provider, model, time, tier, what was used, and its cost in nanodollars."""

    provider: str
    model: str
    at_us: int
    tier: str
    usage: Usage
    nano: int


def main(arguments: Sequence[str]) -> int:
    """Do one of the three, and say what came of it."""
    match arguments:
        case ["--check", *rest]:
            return _check(int(rest[0]) if rest else 20_000)
        case ["--golden"]:
            figures = _figures(read_table(TABLE.read_bytes()), _GOLDEN_FIGURES, seed=1)
            GOLDEN.write_bytes(b"[\n%b\n]\n" % b",\n".join(map(_golden, figures)))
            print(f"{GOLDEN}: {_GOLDEN_FIGURES} figures, {GOLDEN.stat().st_size} bytes")
            return 0
        case [wheel]:
            return _write(Path(wheel))
    print(__doc__, file=sys.stderr)
    return 2


# the table


def _write(wheel: Path) -> int:
    name, version, *_ = wheel.name.split("-")
    with zipfile.ZipFile(wheel) as opened:
        other = msgspec.json.decode(opened.read(_LITELLM), type=dict[str, dict[str, object]])
    providers, compared, differing = _against(taken(_published()), other)
    data = written(
        "genai-prices", importlib.metadata.version("genai-prices"), providers, checked=f"{name} {version}"
    )
    TABLE.write_bytes(data)
    models = sum(len(each) for _, each in providers)
    print(f"{TABLE}: {len(providers)} providers, {models} models, {len(data)} bytes")
    print(f"{compared} models are in {name} {version}, too, and of {differing} it says something else")
    return 0


def _published() -> bytes:
    """Return the library's data as they are published: a list of providers, in JSON."""
    providers = importlib.import_module("genai_prices.data").providers
    return msgspec.json.encode([_plain(each) for each in providers])


def _plain(value: object) -> object:
    """Return a value of the library as its published data have it."""
    match value:
        case None | str() | int() | date() | time() | Decimal():
            return value
        case list():
            return [_plain(each) for each in value]
        case dict():
            return {name: _plain(each) for name, each in value.items()}
    told = {name.rstrip("_"): each for name, each in vars(value).items() if each is not None}
    told.pop("extractors", None)
    return _plain(told)


def _against(providers: _Providers, other: Mapping[str, Mapping[str, object]]) -> tuple[_Providers, int, int]:
    """Return the providers with what another source says of them, how much it knows, and how much differs."""
    said = {
        (_SELLERS[seller], name.removeprefix(f"{seller}/").lower()): price
        for name, told in other.items()
        if (seller := str(told.get("litellm_provider"))) in _SELLERS and (price := _said(told)) is not None
    }
    compared = differing = 0
    checked: _Providers = []
    for provider, models in providers:
        rows = []
        for model in models:
            names = (name.lower() for name in (model.id, *_names(model)))
            price = next((price for name in names if (price := said.get((provider.name, name)))), None)
            compared += price is not None
            row = model if price is None else _doubted(model, price)
            differing += row is not model
            rows.append(row)
        checked.append((provider, rows))
    return checked, compared, differing


def _said(told: Mapping[str, object]) -> tuple[Decimal, Decimal] | None:
    """Return what LiteLLM says that a million tokens cost, in and out; None where it says nothing of that."""
    costs = told.get("input_cost_per_token"), told.get("output_cost_per_token")
    if not all(isinstance(cost, int | float) for cost in costs) or not any(costs):
        return None
    into, out = (Decimal(repr(cost)) * 1_000_000 for cost in costs)
    return into.normalize(), out.normalize()


def _doubted(model: TableModel, said: tuple[Decimal, Decimal]) -> TableModel:
    """Return a model with what is said of it, in the usual prices that hold today, where they all differ."""
    today = datetime.now(UTC).date().isoformat()
    usual = max(n for n, row in enumerate(model.prices) if n == 0 or (not row.hours and row.since <= today))
    held = [n for n, row in enumerate(model.prices) if n == usual or row.hours]
    if any(_alike(model.prices[number], said) for number in held):
        return model
    other = "/".join(f"{amount:f}" for amount in said)
    prices = [
        msgspec.structs.replace(row, other=other) if number in held else row
        for number, row in enumerate(model.prices)
    ]
    return msgspec.structs.replace(model, prices=tuple(prices))


def _alike(row: PriceRow, said: tuple[Decimal, Decimal]) -> bool:
    ours = [steps_of(row.rates.get(name, Decimal(0)))[0][1] for name in ("input", "output")]
    return all(abs(one - two) <= _DIFFERENT * max(one, two) for one, two in zip(ours, said, strict=True))


# figures


def _check(wanted: int) -> int:
    """Reckon usages both ways and say where we differ."""
    table = read_table(TABLE.read_bytes())
    book = PriceBook({}, {}, table=lambda: table)
    same = 0
    differing: list[str] = []
    for figure in _figures(table, wanted, seed=time_ns()):
        tariff = book.tariff(figure.provider, figure.model, figure.at_us, figure.tier)
        ours = tariff.cost(figure.usage) if tariff is not None else None
        if ours == figure.nano:
            same += 1
        else:
            differing.append(f"{figure}: {ours} by us, {tariff.card if tariff is not None else None}")
    print("\n".join(differing[:20]))
    print(f"{same} figures agree to the nanodollar, {len(differing)} do not")
    return bool(differing)


def _figures(table: PriceTable, wanted: int, seed: int) -> Iterator[_Figure]:
    """Yield what genai-prices reckons for usages made up: of all models, at any time, in their tiers."""
    library = importlib.import_module("genai_prices")
    chance = random.Random(seed)
    every = [(name, model) for name in table.names for model in table.models(name)]
    rich = [each for each in every if each[1].tiers or len(each[1].prices) > 1 or _is_stepped(each[1])]
    for _ in range(wanted):
        provider, model = chance.choice(chance.choice((every, rich)))
        name = chance.choice([name for name in (model.id, *_names(model)) if model.match.fits(name.lower())])
        at = _NOW - chance.randrange(0, chance.choice((40, 900)) * 86_400)
        day = datetime.fromtimestamp(at, UTC).date().isoformat()
        tier = chance.choice(["", *(each.tier for each in model.tiers if each.since <= day)])
        usage = _usage(chance, model.prices)
        told = library.Usage(**_told(usage))
        price = library.calc_price(
            told,
            name,
            provider_id=provider,
            genai_request_timestamp=datetime.fromtimestamp(at, UTC),
            price_context=_CONTEXTS.get(tier),
        ).total_price
        nano = int((price * 10**9).to_integral_value(ROUND_HALF_EVEN))
        yield _Figure(provider, name, at * 1_000_000, tier, usage, nano)


def _golden(figure: _Figure) -> bytes:
    """Return a figure on one line: what was used in the order of the fields of `Usage` and `Special`."""
    used = msgspec.structs.astuple(figure.usage)[:-1]
    special = msgspec.structs.astuple(figure.usage.special or Special())
    counts = [int(count) for count in (*used, *special)]
    at = figure.at_us // 1_000_000
    return msgspec.json.encode([figure.provider, figure.model, at, figure.tier, counts, figure.nano])


def _is_stepped(model: TableModel) -> bool:
    return any(len(steps_of(rate)) > 1 for row in model.prices for rate in row.rates.values())


def _names(model: TableModel) -> Iterator[str]:
    """Yield names that a model's rule is for, beside its id."""
    for each in (model.match, *model.match.any_of):
        match each:
            case Clause(equals=str() as name):
                yield name
            case Clause(starts_with=str() as begin):
                yield f"{begin}-20251211"
            case Clause(contains=str() as part):
                yield f"a/{part}:b"


def _usage(chance: random.Random, prices: Sequence[PriceRow]) -> Usage:
    """Return a usage that has of everything which the model has a price for, and a bit of what it has not."""
    priced = {name for row in prices for name in row.rates}

    def some(most: int) -> int:
        return chance.choice((0, 1, chance.randrange(1, 1000), chance.randrange(1, most)))

    uncached, read, write, output = (some(most) for most in (300_000, 400_000, 100_000, 60_000))
    special = None
    if priced & {"audio_in", "audio_out", "image_in", "image_out"} or chance.random() < 0.2:
        # The library adds up kinds of sound and pictures that one model never has at a time: one of them.
        audio = "audio_in" in priced or "audio_out" in priced
        into, back, out = (chance.randrange(most + 1) for most in (uncached, read, output))
        searches = chance.randrange(4)
        special = (
            Special(audio_in=into, audio_read=back, audio_out=out, searches=searches)
            if audio
            else Special(image_in=into, image_read=back, image_out=out, searches=searches)
        )
    reasoning = chance.randrange(output + 1) if special is None else 0
    hour = chance.randrange(write + 1)
    return Usage(uncached, read, write, output, reasoning, cache_write_1h=hour, special=special)


def _told(usage: Usage) -> dict[str, int]:
    """Return a usage in the library's words."""
    special = usage.special or Special()
    return {
        "input_tokens": usage.input,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "output_tokens": usage.output,
        "output_reasoning_tokens": usage.reasoning,
        "input_audio_tokens": special.audio_in + special.audio_read,
        "cache_audio_read_tokens": special.audio_read,
        "output_audio_tokens": special.audio_out,
        "input_image_tokens": special.image_in + special.image_read,
        "cache_image_read_tokens": special.image_read,
        "output_image_tokens": special.image_out,
        "web_searches": special.searches,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
