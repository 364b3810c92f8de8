"""What the figures themselves advise: where money goes for nothing, and where a figure could be known.

Said only where sums show it, with the sums; nothing is guessed about anybody's programs.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from llm_gateway.ledger.sums import Sums
from llm_gateway.ledger.usage import Row
from llm_gateway.wire.ready import ready

__all__ = ["COLUMNS", "Advice", "advice"]

COLUMNS = (
    "requests",
    "ok",
    "uncached",
    "cache_read",
    "cache_write",
    "output",
    "unpriced",
    "cost_nano",
    "baseline_nano",
    "prompt_cache_nano",
)
"""The sums that something is advised by."""

# From here on a cache that is written and hardly read is no accident of a short time.
_WRITTEN_TOKENS = 50_000
_WRITTEN_REQUESTS = 10
_READ_SHARE = 10

_Kind = Literal["cache_never_read", "price_unknown", "no_reference"]


@ready
class Advice(msgspec.Struct, frozen=True):
    """What the figures show of a client or a model, and what helps."""

    kind: _Kind
    of: str
    told: str
    helps: str


def advice(rows: Iterable[Row]) -> list[Advice]:
    """Return what helps; the rows are broken down by client, provider and model."""
    by_client: dict[tuple[str, str], Sums] = {}
    by_model: dict[tuple[str, str], Sums] = {}
    for row in rows:
        client, provider, model = row.names
        by_client[client, provider] = by_client.get((client, provider), Sums()) + row.sums
        by_model[provider, model] = by_model.get((provider, model), Sums()) + row.sums
    return [*_never_read(by_client), *_unpriced(by_model), *_without_reference(by_model)]


def _never_read(shares: dict[tuple[str, str], Sums]) -> Iterator[Advice]:
    """Yield clients that pay for a cache which nobody reads (theopenco/llmgateway 3918)."""
    for (client, provider), sums in shares.items():
        written, read = sums.cache_write, sums.cache_read
        if written < _WRITTEN_TOKENS or sums.ok < _WRITTEN_REQUESTS or read * _READ_SHARE > written:
            continue
        lost = f" and lost ${-sums.prompt_cache_nano / 1e9:,.4f} by it" if sums.prompt_cache_nano < 0 else ""
        yield Advice(
            "cache_never_read",
            client or "(no client)",
            f"wrote {written:,} tokens to the cache of {provider} and read {read:,}{lost}",
            "its prompt's beginning changes from request to request, or it pauses for longer than the cache "
            "lasts: turn its cache marks off, or move what changes to the end",
        )


def _unpriced(shares: dict[tuple[str, str], Sums]) -> Iterator[Advice]:
    for (provider, model), sums in shares.items():
        if sums.unpriced:
            yield Advice(
                "price_unknown",
                f"{provider}/{model}",
                f"{sums.unpriced:,} answers have no known price and are reckoned at a dear one",
                f'state it: [[prices.models]] model = "{provider}/{model}"',
            )


def _without_reference(shares: dict[tuple[str, str], Sums]) -> Iterator[Advice]:
    for (provider, model), sums in shares.items():
        nobody_bills = not (sums.cost_nano or sums.baseline_nano or sums.unpriced)
        if nobody_bills and sums.ok and sums.total and provider not in ("", "demo"):
            yield Advice(
                "no_reference",
                f"{provider}/{model}",
                f"{sums.total:,} tokens that nobody bills, and no price to say what they are worth",
                f'choose one: [prices.reference] "{provider}/{model}" = "openai/gpt-5.4-mini"',
            )
