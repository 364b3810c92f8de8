"""The clients as the dashboard API shows them, from what has passed through the gateway so far."""

import msgspec

from llm_gateway.ledger.queries import ClientSeen
from llm_gateway.server.views import iso

__all__ = ["ClientView", "Coverage", "client_views"]

_LIVE_US = 15 * 60 * 1_000_000

# Ids that a dashboard can rely on, whether or not they have been seen.
_ALWAYS = (
    ("codex-desktop", "Codex desktop"),
    ("claude-desktop", "Claude Desktop"),
    ("microsoft-copilot", "Microsoft 365 Copilot"),
    ("github-copilot", "GitHub Copilot"),
    ("chatgpt", "ChatGPT"),
    ("openai-compatible", "Any OpenAI-compatible program"),
)


class Coverage(msgspec.Struct, frozen=True):
    """How much of a client's use is known to pass through here. `seen_*` is what was counted elsewhere."""

    verdict: str
    routed_requests: int
    seen_requests: int | None
    share: float | None
    evidence: list[str]


class ClientView(msgspec.Struct, frozen=True):
    """An application. `status` is live, running, installed or not-connected."""

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


def client_views(seen: list[ClientSeen], now_us: int, url: str) -> list[ClientView]:
    """Show every client that was seen, and those that a dashboard always asks for."""
    by_id = {client.client: client for client in seen}
    labels = dict(_ALWAYS)
    ids = [*(client.client for client in seen), *(name for name, _ in _ALWAYS if name not in by_id)]
    return [_view(name, labels.get(name, name), by_id.get(name), now_us, url) for name in ids]


def _view(name: str, label: str, seen: ClientSeen | None, now_us: int, url: str) -> ClientView:
    if seen is None:
        return ClientView(
            name,
            label,
            "not-connected",
            0,
            None,
            None,
            Coverage("unknown", 0, None, None, []),
            "no request of it has come through this gateway",
            f"set its base URL to {url}/v1 and its API key to a gateway key (llm-gateway keys create {name})",
            None,
        )
    live = now_us - seen.last_seen_us <= _LIVE_US
    return ClientView(
        name,
        label,
        "live" if live else "installed",
        seen.tracked,
        iso(seen.last_seen_us),
        None,
        Coverage(
            "unknown",
            seen.tracked,
            None,
            None,
            [f"{seen.tracked} requests in the ledger, the last at {iso(seen.last_seen_us)}"],
        ),
        "" if live else "nothing of it has come through in the last 15 minutes",
        "",
        None,
    )
