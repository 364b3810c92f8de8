"""What is summed up of turns, and what each sum is made of: one expression in SQL for each column.

Rollups, the raw rows at the edges of a time, checks and rebuilding all take their columns from here, so that
they cannot mean different things. When and where sums are kept is `rollups.py`.
"""

import msgspec

from llm_gateway.wire.ready import ready

__all__ = ["COLUMNS", "OF_A_SIGHTING", "OF_A_TURN", "Sums"]


@ready
class Sums(msgspec.Struct, frozen=True):
    """Sums over turns that have ended, or over what clients reported of themselves. Money in nanodollars.

    `requests` are `ok`, `cancelled` or `failed`; `estimated` of them were not counted by their provider.
    `cached` were answered from the response cache, and `saved_input` and `saved_output` are the tokens that
    asking would have used, smoke tests and demos aside: they are in no other column. `removed` are tokens
    that compression took out of what was sent, of `compressed` turns. `unpriced` are answers that are to be
    paid and whose price nobody knows.

    `cost_nano` is of all turns; `retried_nano` is in no other amount. The lines (`route_nano` and so on) and
    `baseline_nano` are of turns that count alone. `high_nano`, `medium_nano` and `low_nano` are what was
    avoided, by how sure that is: together they are `avoided_nano`, and all that has no word is low.
    """

    requests: int = 0
    ok: int = 0
    cancelled: int = 0
    failed: int = 0
    estimated: int = 0
    uncached: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    cached: int = 0
    saved_input: int = 0
    saved_output: int = 0
    removed: int = 0
    unpriced: int = 0
    cost_nano: int = 0
    retried_nano: int = 0
    baseline_nano: int = 0
    route_nano: int = 0
    compression_nano: int = 0
    response_cache_nano: int = 0
    prompt_cache_nano: int = 0
    prompt_cache_ours_nano: int = 0
    high_nano: int = 0
    medium_nano: int = 0
    low_nano: int = 0
    compressed: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        """Return both together."""
        mine, theirs = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return Sums(*(one + another for one, another in zip(mine, theirs, strict=True)))

    @property
    def input(self) -> int:
        """Return all tokens that went in."""
        return self.uncached + self.cache_read + self.cache_write

    @property
    def total(self) -> int:
        """Return all tokens."""
        return self.input + self.output

    @property
    def success_rate(self) -> float | None:
        """Return which part went well of those that could: what the caller cut off says nothing."""
        ended = self.ok + self.failed
        return self.ok / ended if ended else None

    @property
    def avoided_nano(self) -> int:
        """Return what the gateway avoided: of the provider's cache only what the gateway asked it to keep."""
        return (
            self.route_nano + self.compression_nano + self.response_cache_nano + self.prompt_cache_ours_nano
        )


COLUMNS = Sums.__struct_fields__

# A provider may claim absurd counts, and a sum that no integer holds would keep the database from taking
# anything: nobody used more tokens at once than this, and nothing cost more (70,000 dollars).
_MOST_TOKENS = 1 << 40
_MOST_NANO = 1 << 46


def _tokens(amount: str) -> str:
    return f"CASE WHEN {amount} > {_MOST_TOKENS} THEN {_MOST_TOKENS} WHEN {amount} > 0 THEN {amount} END"


def _saved(amount: str) -> str:
    """Return tokens that were not asked for: smoke tests and demos save nothing."""
    return f"CASE WHEN t.cached_from IS NOT NULL AND t.purpose = 'request' THEN {_tokens(amount)} END"


def _money(amount: str) -> str:
    return (
        f"CASE WHEN {amount} > {_MOST_NANO} THEN {_MOST_NANO} WHEN {amount} < -{_MOST_NANO} "
        f"THEN -{_MOST_NANO} ELSE {amount} END"
    )


# Only answers that count have a line; `accounting.py` leaves the other lines empty where they do not.
_CACHED_LINE = (
    "CASE WHEN t.cached_from IS NOT NULL AND t.outcome = 'ok' AND t.purpose = 'request' AND t.counts = 1 "
    "THEN t.saved_nano END"
)
_OURS = "CASE WHEN t.prompt_cache_ours = 1 THEN t.prompt_cache_nano END"
_LINES = ("t.route_nano", "t.compression_nano", f"({_CACHED_LINE})", f"({_OURS})")
_AVOIDED = " + ".join(f"coalesce({_money(line)}, 0)" for line in _LINES)

_REMOVED = " + ".join(
    f"coalesce(json_extract(t.removed, '$.{kind}'), 0)" for kind in ("uncached", "cache_read", "cache_write")
)

# A card that nobody stated is never trusted: the others need not be looked for.
_UNPRICED = (
    "CASE WHEN t.price = 'assumed' THEN 1 WHEN t.confidence = 'low' AND t.tariff <> '' THEN EXISTS (SELECT 1 "
    """FROM price_cards AS c WHERE c.id = t.tariff AND instr(c.text, '"match":"assumed"') > 0) END"""
)

OF_A_TURN = {
    "requests": "1",
    "ok": "t.outcome = 'ok'",
    "cancelled": "t.outcome = 'cancelled'",
    "failed": "t.outcome IN ('error', 'truncated', 'interrupted')",
    "estimated": "t.estimated = 1",
    "uncached": _tokens("t.uncached"),
    "cache_read": _tokens("t.cache_read"),
    "cache_write": _tokens("t.cache_write"),
    "output": _tokens("t.output"),
    "reasoning": _tokens("t.reasoning"),
    "cached": "t.cached_from IS NOT NULL",
    "saved_input": _saved("t.saved_uncached + t.saved_cache_read + t.saved_cache_write"),
    "saved_output": _saved("t.saved_output"),
    "removed": _tokens(f"({_REMOVED})"),
    "unpriced": _UNPRICED,
    "cost_nano": _money("t.cost_nano"),
    "retried_nano": _money("t.retried_nano"),
    "baseline_nano": _money(f"coalesce(t.baseline_nano, {_CACHED_LINE})"),
    "route_nano": _money("t.route_nano"),
    "compression_nano": _money("t.compression_nano"),
    "response_cache_nano": _money(f"({_CACHED_LINE})"),
    "prompt_cache_nano": _money("t.prompt_cache_nano"),
    "prompt_cache_ours_nano": _money(f"({_OURS})"),
    "high_nano": f"CASE WHEN t.confidence = 'high' THEN {_AVOIDED} END",
    "medium_nano": f"CASE WHEN t.confidence = 'medium' THEN {_AVOIDED} END",
    "low_nano": f"CASE WHEN coalesce(t.confidence, '') NOT IN ('high', 'medium') THEN {_AVOIDED} END",
    "compressed": "t.removed IS NOT NULL",
}
"""What one turn, `t`, adds to each column; NULL is nothing."""

OF_A_SIGHTING = dict.fromkeys(COLUMNS, "0") | {
    "requests": "1",
    "ok": "1",
    "estimated": "s.estimated",
    "uncached": "s.uncached",
    "cache_read": "s.cache_read",
    "cache_write": "s.cache_write",
    "output": "s.output",
    "reasoning": "s.reasoning",
}
"""What one sighting that no turn is, `s`, adds to each column."""
