"""One line about the gateway, for the status bar of a terminal agent: made here, printed by `cli/glance.py`.

Short, without colours, the same words every time; what is estimated has a `~`. A day is one in UTC.
"""

from collections.abc import Iterable, Iterator

import msgspec

from llm_gateway.ledger.conversations import conversation
from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.sums import Sums
from llm_gateway.ledger.usage import Asked, usage
from llm_gateway.pipeline.quotas import Quota
from llm_gateway.wire.ready import ready

__all__ = [
    "Glimpse",
    "StatuslineView",
    "WindowLeft",
    "glimpse",
    "short_count",
    "short_time",
    "statusline_view",
]

_DAY_US = 86_400_000_000
# A conversation that goes on for longer is shown from there on: its turns are looked for one by one.
_CONVERSATION_US = 2 * _DAY_US
_MOST_WINDOWS = 2


class Glimpse(msgspec.Struct, frozen=True):
    """What was used today, and in one conversation, None where none was named."""

    today: Sums
    conversation: Sums | None = None


@ready
class WindowLeft(msgspec.Struct, frozen=True):
    """A window of a subscription: how much of it is used, from 0 to 1, and in how many seconds it resets."""

    provider: str
    window: str
    used: float
    resets_in: int | None


@ready
class StatuslineView(msgspec.Struct, frozen=True):
    """The line, and what it is made of. `equivalent` is what answers are worth that nobody bills."""

    line: str
    state: str
    tokens_today: int
    cost_today_usd: float
    equivalent_today_usd: float
    estimated: bool
    conversation_tokens: int | None
    conversation_cost_usd: float | None
    windows: list[WindowLeft]


def glimpse(rows: Rows, now_us: int, session: str = "") -> Glimpse:
    """Return what was used today and in a conversation."""
    today = usage(rows, Asked(now_us // _DAY_US * _DAY_US, None, where={"source": "routed"}, spreads=False))
    named = conversation(rows, session, max(0, now_us - _CONVERSATION_US)) if session else None
    return Glimpse(today[0].sums if today else Sums(), named)


def statusline_view(seen: Glimpse, quotas: Iterable[Quota], state: str, now_us: int) -> StatuslineView:
    """Return the line; `state` is `ok`, or says what is wrong."""
    windows = _windows(quotas, now_us)
    parts = ["gateway" if state == "ok" else f"gateway {state}", f"today {_sums(seen.today)}"]
    talk = seen.conversation
    if talk is not None and talk.requests:
        parts.append(f"this one {_sums(talk)}")
    parts += map(_window, windows[:_MOST_WINDOWS])
    return StatuslineView(
        line=" | ".join(parts),
        state=state,
        tokens_today=seen.today.total,
        cost_today_usd=float(dollars(seen.today.cost_nano)),
        equivalent_today_usd=float(dollars(seen.today.route_nano)),
        estimated=bool(seen.today.estimated),
        conversation_tokens=None if talk is None else talk.total,
        conversation_cost_usd=None if talk is None else float(dollars(talk.cost_nano)),
        windows=windows,
    )


def short_count(count: int) -> str:
    """Return a count in three digits or so: 999, 12.3k, 1.24M."""
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= unit:
            value = count / unit
            return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}{name}"
    return str(count)


def short_time(seconds: int) -> str:
    """Return a time in its two largest units: 12m, 2h10m, 3d4h."""
    minutes = max(seconds, 0) // 60
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 48 * 60:
        return f"{minutes // 60}h{minutes % 60:02d}m"
    return f"{minutes // 1440}d{minutes % 1440 // 60}h"


def _sums(sums: Sums) -> str:
    about = "~" if sums.estimated else ""
    worth = f" (worth ${dollars(sums.route_nano):,.2f})" if sums.route_nano >= 5_000_000 else ""
    unsure = "~" if sums.estimated or sums.unpriced else ""
    return f"{about}{short_count(sums.total)} tok {unsure}${dollars(sums.cost_nano):,.2f}{worth}"


def _windows(quotas: Iterable[Quota], now_us: int) -> list[WindowLeft]:
    """Return the windows that are known, the one that is used most first."""
    return sorted(_known(quotas, now_us), key=lambda each: (-each.used, each.provider, each.window))


def _known(quotas: Iterable[Quota], now_us: int) -> Iterator[WindowLeft]:
    for quota in quotas:
        for used in quota.windows:
            # One that has begun anew since it was told of says nothing.
            if not used.resets_us or used.resets_us > now_us:
                resets_in = (used.resets_us - now_us) // 1_000_000 if used.resets_us else None
                yield WindowLeft(quota.provider, used.window, used.share, resets_in)


def _window(left: WindowLeft) -> str:
    resets = "" if left.resets_in is None else f", resets in {short_time(left.resets_in)}"
    return f"{left.provider} {left.window} {left.used:.0%}{resets}"
