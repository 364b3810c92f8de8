"""Which turns are asked for: a filter, and what it says in SQL of a turn and of a lane that turns are of.

What is found with it is `queries.py` (pages) and `facets.py` (counts).
"""

from collections.abc import Collection
from typing import Literal

import msgspec

from llm_gateway.ledger.records import Turn
from llm_gateway.ledger.rollups import ENDINGS
from llm_gateway.ledger.store import Rows, Value

__all__ = [
    "ENDED_SO",
    "FAILED",
    "FIRST_VALUE",
    "LATEST",
    "NAMED",
    "NAMELESS",
    "WANTED",
    "Filter",
    "Meaning",
    "first_since",
    "fits",
    "ids_from",
    "lowered",
    "meaning",
    "named_values",
]

FAILED = ("error", "truncated", "interrupted")
"""The outcomes that are meant by `failed`."""

NAMELESS = "-"
"""What stands for an empty name."""

LATEST = 2**63 - 1
"""Above the number of every turn."""

Meaning = Literal["", "id", "session", "name"]
"""What a text is taken for: nothing is there, the beginning of ids, a session, or part of a name."""

# Eight digits of an id are a minute of its time: what begins so is few turns.
_FEWEST_DIGITS = 8
_ID_DIGITS = 32
_DIGITS = frozenset("0123456789abcdef")
_HAS_SESSION = "SELECT 1 FROM turns WHERE session = ? AND session <> '' LIMIT 1"
_HAS_ID = "SELECT 1 FROM turns WHERE id >= ? AND id < ? LIMIT 1"
# Turns are in the order in which they began. Where the clock was set back, a few that began before it was are
# left out of a time that begins then.
_SINCE = "SELECT seq FROM turns WHERE at_us >= ? ORDER BY at_us LIMIT 1"


class Filter(msgspec.Struct, frozen=True):
    """Which turns to return; an empty field asks for nothing, and `-` for what has no name.

    `outcome` may be `running`; `cached`, a part of `ok`; and `failed`, which is `error`, `truncated` and
    `interrupted`. `key` is a key's name or its id. The time ends before `until_us`, 0 for never. `text` is
    the beginning of an id, eight digits at least, or a session, or part of the name of a client, a provider
    or a model: the first of these that there is.
    """

    client: str = ""
    provider: str = ""
    model: str = ""
    outcome: str = ""
    since_us: int = 0
    key: str = ""
    caller: str = ""
    until_us: int = 0
    text: str = ""

    @property
    def names_any(self) -> bool:
        """Return whether anything but a time is asked for."""
        return any((self.client, self.provider, self.model, self.outcome, self.key, self.caller, self.text))


FIRST_VALUE = 5
"""The number of the first of `named_values` in a statement."""

_HAS = "instr(lower({{0}}.{0}), ?11) > 0"
_IS = "(?{0} = '' OR {{0}}.{1} = ?{0} OR (?{0} = '-' AND {{0}}.{1} = ''))"

NAMED = " AND ".join(
    (
        *(_IS.format(5 + place, name) for place, name in enumerate(("client", "provider", "model"))),
        "(?9 = '' OR {0}.key_id = ?9 OR {0}.key_id IN (SELECT id FROM keys WHERE name = ?9))",
        _IS.format(10, "caller"),
        f"(?11 = '' OR {' OR '.join(_HAS.format(name) for name in ('client', 'provider', 'model'))})",
    )
)
"""What a filter says of the names of `{0}`, a turn or a lane, in a statement with its values."""

_FAILED = ", ".join(f"'{each}'" for each in FAILED)

WANTED = (
    f"{NAMED.format('t')} AND (?8 = '' OR t.outcome = ?8 OR (?8 = 'running' AND t.outcome IS NULL) OR "
    f"(?8 = 'failed' AND t.outcome IN ({_FAILED})) OR "
    "(?8 = 'cached' AND t.outcome = 'ok' AND t.cached_from IS NOT NULL))"
)
"""What a filter says of a turn, `t`."""

ENDED_SO = (
    "(?8 = '' OR {0}.ending = ?8 OR (?8 = 'ok' AND {0}.ending = 'cached') "
    f"OR (?8 = 'failed' AND {{0}}.ending IN ({_FAILED})))"
)
"""What it says of the ending of `{0}`."""

assert set(FAILED) < set(ENDINGS)


def named_values(which: Filter, taken_for: Meaning) -> tuple[Value, ...]:
    """Return the values of a filter, those from `FIRST_VALUE` on."""
    part = lowered(which.text) if taken_for == "name" else ""
    return (which.client, which.provider, which.model, which.outcome, which.key, which.caller, part)


def meaning(rows: Rows, text: str) -> Meaning:
    """Return what a text is taken for."""
    if not text:
        return ""
    low, high = ids_from(text)
    if high and rows.rows(_HAS_ID, (low, high)):
        return "id"
    if rows.rows(_HAS_SESSION, (text,)):
        return "session"
    return "name"


def ids_from(text: str) -> tuple[str, str]:
    """Return the lowest id that begins so, and one above all that do; nothing where too many do."""
    low = text.lower()
    if not _FEWEST_DIGITS <= len(low) <= _ID_DIGITS or not _DIGITS.issuperset(low):
        return "", ""
    return low, f"{low}g"


def first_since(rows: Rows, at_us: int) -> int:
    """Return the number of the first turn that began then or later."""
    for (seq,) in rows.rows(_SINCE, (at_us,)):
        return seq if isinstance(seq, int) else LATEST
    return LATEST


def fits(turn: Turn, which: Filter, taken_for: Meaning, key_ids: Collection[str] = ()) -> bool:
    """Return whether a turn is what a filter asks for; `key_ids` are the ids of the keys that it names."""
    begun = turn.intent
    named = (
        (which.client, begun.client),
        (which.provider, begun.provider),
        (which.model, begun.model),
        (which.caller, begun.caller),
    )
    return (
        all(want in ("", name) or (want == NAMELESS and not name) for want, name in named)
        and which.key in ("", begun.key_id, *(which.key for each in key_ids if each == begun.key_id))
        and which.since_us <= begun.at_us < (which.until_us or LATEST)
        and _ended_so(turn, which.outcome)
        and _texted_so(turn, which.text, taken_for)
    )


def _ended_so(turn: Turn, want: str) -> bool:
    end = turn.settlement
    if end is None:
        return want in ("", "running")
    if want == "cached":
        return end.outcome == "ok" and bool(end.cached_from)
    return want in ("", end.outcome) or (want == "failed" and end.outcome in FAILED)


def _texted_so(turn: Turn, text: str, taken_for: Meaning) -> bool:
    begun = turn.intent
    match taken_for:
        case "":
            return True
        case "id":
            return begun.id.startswith(text.lower())
        case "session":
            return begun.session == text
        case "name":
            part = lowered(text)
            return any(part in lowered(name) for name in (begun.client, begun.provider, begun.model))


def lowered(text: str) -> str:
    """Return a text as SQLite's `lower` does: of other letters than these it knows nothing."""
    return "".join(each.lower() if each.isascii() else each for each in text)
