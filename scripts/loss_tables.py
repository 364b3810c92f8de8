"""The page `docs/losses.md` as text: a summary of all pairs, and what is lost in each.

What it says comes from `losses.py`; here it is only laid out. What a dialect cannot say to any other is told
once, before its pairs.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from llm_gateway.dialects.registry import DIALECTS
from losses import Pair, Row, pairs
from silences import SILENT, UNTOLD, UNWATCHED

__all__ = ["silences", "summary", "tables"]

# What hurts most when it is lost: what a model should have seen, then what it may do, then how it answers.
_WORST = (
    *(
        "messages.audio",
        "messages.document",
        "messages.image.url",
        "messages.file_id",
        "messages.document.file_id",
    ),
    *(
        "messages.image.file_id",
        "messages.tool.images",
        "contents.parts.fileData",
        "contents.parts.inlineData",
    ),
    *("tool_choice", "response_format", "parallel_tool_calls", "messages.thinking", "reasoning", "stop"),
    *(
        "messages.tool_result.image",
        "tools.grammar",
        "messages.system",
        "tools.strict",
        "temperature",
        "seed",
    ),
)
_SHOWN = 4
_LISTED = (("In a request", SILENT), ("In an answer", UNTOLD), ("New members of answers", UNWATCHED))


def summary() -> str:
    """Return the table of all pairs: how much is lost, and the worst of it."""
    lines = [
        "| who asks → who answers | of requests | refused | of answers | the worst of it |",
        "| --- | --- | --- | --- | --- |",
    ]
    for (client, target), pair in pairs().items():
        link = f"[`{client}` → `{target}`](#{client}-to-{target})"
        counts = [len({row.what for row in rows}) for rows in (pair.requests, pair.refused, pair.answers)]
        numbers = " | ".join(str(count) for count in counts)
        lines.append(f"| {link} | {numbers} | {_worst(client, pair)} |")
    return "\n".join(lines)


def _worst(client: str, pair: Pair) -> str:
    everywhere = {row.what for row in _common(client, lambda each: each.requests)}
    own = dict.fromkeys(row.what for row in pair.requests if row.what not in everywhere)
    ranked = sorted((what for what in own if what in _WORST), key=_WORST.index)
    return ", ".join(f"`{what}`" for what in ranked[:_SHOWN]) or "nothing of these"


def tables() -> str:
    """Return the sections: each dialect's own losses, then its pairs, then answers."""
    parts: list[str] = []
    for client in DIALECTS:
        parts += _asked(client)
    return "\n\n".join(parts)


def silences() -> str:
    """Return what is neither told nor lost, because it says nothing to a model or a reader."""
    parts: list[str] = []
    for about, listed in _LISTED:
        lines = [f"| {about} | place | why it says nothing |", "| --- | --- | --- |"]
        for name, silent in listed.items():
            lines += [f"| `{name}` | {_place(place)} | {why} |" for place, why in silent.items()]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _place(place: str) -> str:
    return f"`{place.replace('.*', '[]')}`" if place else "on top"


def _asked(client: str) -> Iterator[str]:
    common = _common(client, lambda pair: pair.requests)
    refused = _common(client, lambda pair: pair.refused)
    yield f"## Asked in `{client}`"
    yield f"### `{client}` to any other"
    yield from _table("What a request says", common)
    yield from _table("What is refused", refused)
    for (asker, target), pair in pairs().items():
        if asker == client:
            yield f"### `{client}` to `{target}`"
            own = [row for row in pair.requests if row not in common]
            yield from _table(f"What a request says, beside [the above](#{client}-to-any-other)", own)
            yield from _table("What is refused", [row for row in pair.refused if row not in refused])
            yield from _table(f"What an answer of `{target}` says", pair.answers)


def _common(client: str, rows: Callable[[Pair], Sequence[Row]]) -> list[Row]:
    """Return the rows that all pairs of a client have."""
    first, *rest = [rows(pair) for (asker, _), pair in pairs().items() if asker == client]
    return [row for row in first if all(row in other for other in rest)]


def _table(about: str, rows: Iterable[Row]) -> Iterator[str]:
    lines = [f"| {_where(row)} | {row.why}{_only(row)} |" for row in sorted(rows, key=_order)]
    if lines:
        yield "\n".join([f"| {about} | why it is not told |", "| --- | --- |", *lines])


def _order(row: Row) -> tuple[str, str, str]:
    return (row.where or row.what).lower(), row.what, row.why


def _where(row: Row) -> str:
    """Return where a thing is said, and as what it is reported, where that is called otherwise."""
    place, _, kind = row.where.partition(" ")
    where = f"`{place}`" + (f" ({kind})" if kind else "")
    if not place:
        return f"`{row.what}`"
    return where if row.what in (place, place.replace("[]", "")) else f"{where}, as `{row.what}`"


def _only(row: Row) -> str:
    return f" ({row.models})" if row.models else ""
