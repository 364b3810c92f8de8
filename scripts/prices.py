"""Take the price table over from genai-prices (MIT), as the data that the gateway reads.

    python scripts/prices.py [LITELLM.JSON]      write the table, checked against another source
    python scripts/prices.py --check [SEED]      reckon as genai-prices does, and say where we differ
    python scripts/prices.py --golden            write figures that genai-prices reckoned, for the tests

Needs `genai-prices`, which the gateway does not: its data are kept here as JSON, cut down to what tokens
cost, because the library brings eleven distributions and 30 MB of memory for one look-up a minute. For the
tests, too: they go by figures that it reckoned. LITELLM.JSON is LiteLLM's table (MIT), which lies in its wheel as
`litellm/model_prices_and_context_window_backup.json`: where the two differ, both are shown.
"""

import importlib
import importlib.metadata
import sys
from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import msgspec

from llm_gateway.ledger.price_taking import taken, written

TABLE = Path(__file__).resolve().parents[1] / "src" / "llm_gateway" / "ledger" / "prices.json"


def main(arguments: Sequence[str]) -> int:
    """Write the table and say what is in it."""
    providers = taken(published())
    data = written("genai-prices", importlib.metadata.version("genai-prices"), providers)
    TABLE.write_bytes(data)
    print(f"{TABLE}: {len(providers)} providers, {sum(len(m) for _, m in providers)} models, {len(data)} bytes")
    return 0


def published() -> bytes:
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
