"""Take the price table over from genai-prices (MIT), as the data that the gateway reads.

    python scripts/prices.py

Needs `genai-prices`, which the gateway does not: its data are kept here as JSON, cut down to what tokens
cost, because the library brings eleven distributions and 30 MB of memory for one look-up a minute.
"""

import hashlib
import importlib
import importlib.metadata
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

TABLE = Path(__file__).resolve().parents[1] / "src" / "llm_gateway" / "ledger" / "prices.json"
_PRICES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
}


def main() -> int:
    """Write the table and say what is in it."""
    providers = [_provider(each) for each in importlib.import_module("genai_prices.data").providers]
    body = b"[%b]" % b",\n".join(_lines(each) for each in providers if each["models"])
    table = {
        "source": "genai-prices",
        "version": importlib.metadata.version("genai-prices"),
        "sha256": hashlib.sha256(body).hexdigest(),
        "providers": msgspec.Raw(body),
    }
    TABLE.write_bytes(msgspec.json.encode(table) + b"\n")
    print(f"{TABLE}: {len(providers)} providers, {TABLE.stat().st_size} bytes")
    return 0


def _lines(provider: Mapping[str, object]) -> bytes:
    """Return a provider with a line for each model: a table whose changes can be read."""
    models = provider["models"]
    assert isinstance(models, list)
    lines = b",\n".join(msgspec.json.encode(model) for model in models)
    return msgspec.json.encode({**provider, "models": msgspec.Raw(b"[\n%b]" % lines)})


def _provider(provider: object) -> dict[str, object]:
    found = _of(provider, "models")
    assert isinstance(found, list)
    models = [_model(model) for model in found]
    return {
        "name": _of(provider, "id"),
        "urls": _of(provider, "api_pattern"),
        "models": [model for model in models if model["prices"]],
    }


def _model(model: object) -> dict[str, object]:
    prices = _of(model, "prices")
    conditional = prices if isinstance(prices, list) else [None]
    found = [_price(prices if each is None else _of(each, "prices"), each) for each in conditional]
    return {
        "match": _clause(_of(model, "match")),
        "window": _of(model, "context_window"),
        "prices": [each for each in found if each],
    }


def _price(price: object, conditional: object) -> dict[str, object]:
    found = {name: getattr(price, key, None) for name, key in _PRICES.items()}
    rates: dict[str, object] = {name: _rate(value) for name, value in found.items() if value is not None}
    if (kilo := getattr(price, "requests_kcount", None)) is not None:
        rates["thousand_requests"] = str(kilo)
    constraint = None if conditional is None else _of(conditional, "constraint")
    if type(constraint).__name__ == "StartDateConstraint":
        rates["since"] = str(_of(constraint, "start_date"))
    elif constraint is not None:
        rates["at_times"] = True  # what holds by day or by night: the dearer one is taken for both
    return rates


def _rate(value: object) -> object:
    tiers = getattr(value, "tiers", None)
    if tiers is None:
        return [[0, str(value)]]
    return [[0, str(_of(value, "base"))], *([tier.start, str(tier.price)] for tier in tiers)]


def _clause(clause: object) -> Mapping[str, object]:
    ((name, value),) = vars(clause).items()
    if isinstance(value, list):
        return {name.rstrip("_"): [_clause(each) for each in value]}
    return {name: value}


def _of(value: object, name: str) -> object:
    return getattr(value, name)


if __name__ == "__main__":
    sys.exit(main())
