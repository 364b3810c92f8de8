"""How accounts are called by whoever draws on them: for sums that are kept by provider and key. Pure.

A caller who has had several accounts of a provider is of the one that was told of last, as in
`subscription_worth.py`.
"""

from collections.abc import Sequence

from llm_gateway.ledger.quota_samples import Draw
from llm_gateway.pipeline.pools import Pool

__all__ = ["AccountNames"]


class AccountNames:
    """Tell by a provider and a key's name which subscription is drawn on."""

    def __init__(self, found: Sequence[Pool]) -> None:
        self._names: dict[tuple[str, str], str] = {}
        last: dict[tuple[str, str], int] = {}
        for pool in found:
            for draw in pool.draws:
                drawn = (draw.provider, "" if draw.route == "bridge" else draw.caller)
                if draw.last_us >= last.get(drawn, -1):
                    last[drawn] = draw.last_us
                    self._names[drawn] = _called(pool, draw)

    def of(self, provider: str, key: str) -> str | None:
        """Return the name of a subscription, None where none is drawn on."""
        return self._names.get((provider, key)) or self._names.get((provider, ""))


def _called(pool: Pool, draw: Draw) -> str:
    if pool.settings is not None:
        return pool.settings.name
    return f"{draw.provider}/{draw.caller}" if draw.caller else draw.provider
