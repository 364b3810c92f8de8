"""The clients as the dashboard API shows them: how much of each goes through here, why not all, the fix."""

from collections.abc import Iterable, Mapping

import msgspec

from llm_gateway.clients.coverage import Covered, Day
from llm_gateway.server.views import iso

__all__ = ["ALWAYS", "ClientView", "ClientsView", "Coverage", "client_views"]

ALWAYS = (
    "codex-desktop",
    "claude-desktop",
    "microsoft-copilot",
    "github-copilot",
    "chatgpt",
    "openai-compatible",
)
"""Ids that a dashboard can rely on, whether or not anything is known of them."""


class Coverage(msgspec.Struct, frozen=True):
    """How much of a client's use is known to pass through here, since when, and how that is known.

    `verdict` is captured, partly, bypassing, cannot or unknown. `seen_*` is what came through and what is
    known to have passed by; `share` is the part of its requests that came through. `background_requests` were
    made by the client for itself.
    """

    verdict: str
    routed_requests: int
    routed_tokens: int
    seen_requests: int
    seen_tokens: int
    background_requests: int
    share: float | None
    since: str
    evidence: list[str]
    trend: list[Day]


class ClientView(msgspec.Struct, frozen=True):
    """An application on a machine. `status` is live, running, installed or not-connected."""

    id: str
    label: str
    status: str
    tracked_requests: int
    last_seen: str | None
    machine: str | None
    coverage: Coverage
    reason: str
    fix: str
    bridge: str | None


class ClientsView(msgspec.Struct, frozen=True):
    """Every application; of those that are `running`, `captured` go through here wholly.

    Of names that are in no catalog those that were used last are listed; `unlisted` is how many are not.
    """

    clients: list[ClientView]
    running: int
    captured: int
    unlisted: int = 0


def client_views(verdicts: Iterable[Covered], tracked: Mapping[str, int]) -> list[ClientView]:
    """Show every verdict. `tracked` is how many requests of a client there ever were."""
    return [
        ClientView(
            id=each.client,
            label=each.label,
            status=each.status,
            tracked_requests=tracked.get(each.client, 0),
            last_seen=iso(each.last_seen_us) if each.last_seen_us else None,
            machine=each.machine or None,
            coverage=Coverage(
                verdict=each.verdict,
                routed_requests=each.routed_requests,
                routed_tokens=each.routed_tokens,
                seen_requests=each.seen_requests,
                seen_tokens=each.seen_tokens,
                background_requests=each.background_requests,
                share=each.share,
                since=iso(each.since_us),
                evidence=list(each.evidence),
                trend=list(each.trend),
            ),
            reason=each.reason,
            fix=each.fix,
            bridge=None,
        )
        for each in verdicts
    ]
