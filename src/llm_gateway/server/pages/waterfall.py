"""When what of a request happened, as bars of a picture: the gateway's own work, each attempt, the answer.

Places and widths are thousandths of the time that the whole took.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from llm_gateway.server.views import AttemptView, RequestView

__all__ = ["WIDE", "Bar", "waterfall"]

WIDE = 1000
"""How wide the whole is."""

_NARROWEST = 2


class Bar(msgspec.Struct, frozen=True):
    """What happened from when on and for how long. `text` says whom it is about."""

    what: str
    text: str
    start_ms: float
    length_ms: float
    x: int
    width: int
    tone: Literal["wait", "good", "bad", "flow"]


def waterfall(request: RequestView, attempts: Sequence[AttemptView]) -> list[Bar]:
    """Return the bars in their order; none while the request runs, for then nothing of it is on record."""
    if request.latency_ms is None:
        return []
    whole = max([request.latency_ms, *(each.started_ms + each.duration_ms for each in attempts)])
    parts: list[tuple[str, str, float, float, Literal["wait", "good", "bad", "flow"]]] = []
    begin = attempts[0].started_ms if attempts else request.latency_ms
    own = "Answered from the response cache" if request.cached else "In the gateway"
    parts.append((own, "checked, planned, recorded, compressed", 0.0, begin, "wait"))
    last = len(attempts) - 1
    for place, attempt in enumerate(attempts):
        name = f"{attempt.provider}/{attempt.model}" if attempt.model else attempt.provider
        end = attempt.started_ms + attempt.duration_ms
        first = request.ttft_ms
        if place == last and first is not None and attempt.started_ms < first < end and not attempt.error:
            waited = first - attempt.started_ms
            parts.append(("Until the first token", name, attempt.started_ms, waited, "good"))
            parts.append(("Until the end", name, first, end - first, "flow"))
        else:
            tone: Literal["good", "bad"] = "bad" if attempt.error or attempt.status >= 400 else "good"
            parts.append((f"Attempt {place + 1}", name, attempt.started_ms, attempt.duration_ms, tone))
    return [_bar(part, whole) for part in parts]


def _bar(part: tuple[str, str, float, float, Literal["wait", "good", "bad", "flow"]], whole: float) -> Bar:
    what, text, start, length, tone = part
    scale = WIDE / whole if whole > 0 else 0.0
    x = min(round(start * scale), WIDE - _NARROWEST)
    width = max(min(round(length * scale), WIDE - x), _NARROWEST)
    return Bar(what, text, round(start, 3), round(length, 3), x, width, tone)
