"""The clients as the dashboard shows them: those that were seen, and those that it always asks for."""

from ledger_samples import NOON
from llm_gateway.ledger.queries import ClientSeen
from llm_gateway.server.client_views import ClientView, client_views

URL = "http://127.0.0.1:8787"
ALWAYS = [
    "codex-desktop",
    "claude-desktop",
    "microsoft-copilot",
    "github-copilot",
    "chatgpt",
    "openai-compatible",
]
QUARTER = 15 * 60 * 1_000_000


def by_id(*seen: ClientSeen, now_us: int = NOON) -> dict[str, ClientView]:
    return {view.id: view for view in client_views(list(seen), now_us, URL)}


def test_the_ids_that_a_dashboard_relies_on_are_always_there() -> None:
    views = by_id()
    assert list(views) == ALWAYS
    for view in views.values():
        assert (view.status, view.tracked_requests, view.last_seen) == ("not-connected", 0, None)
        assert (view.coverage.verdict, view.coverage.routed_requests, view.coverage.evidence) == (
            "unknown",
            0,
            [],
        )
        assert view.label and view.reason
        assert f"{URL}/v1" in view.fix and f"llm-gateway keys create {view.id}" in view.fix


def test_a_client_that_was_seen_a_moment_ago_is_live() -> None:
    view = by_id(ClientSeen("codex-desktop", 3, NOON - QUARTER))["codex-desktop"]
    assert (view.label, view.status, view.tracked_requests) == ("Codex desktop", "live", 3)
    assert view.last_seen == "2023-11-14T21:58:20.000Z"
    assert (view.reason, view.fix) == ("", "")
    assert view.coverage.routed_requests == 3
    assert view.coverage.evidence == ["3 requests in the ledger, the last at 2023-11-14T21:58:20.000Z"]


def test_a_client_that_was_seen_before_is_there_and_says_that_it_is_quiet() -> None:
    view = by_id(ClientSeen("codex-desktop", 3, NOON - QUARTER - 1))["codex-desktop"]
    assert (view.status, view.fix) == ("installed", "")
    assert "15 minutes" in view.reason


def test_what_nobody_measured_is_not_claimed() -> None:
    coverage = by_id(ClientSeen("chatgpt", 1, NOON))["chatgpt"].coverage
    assert (coverage.verdict, coverage.seen_requests, coverage.share) == ("unknown", None, None)


def test_finer_ids_stand_beside_the_usual_ones_and_those_seen_come_first() -> None:
    views = by_id(ClientSeen("codex-cli", 9, NOON), ClientSeen("chatgpt", 1, NOON - 1))
    assert list(views) == ["codex-cli", "chatgpt", *(name for name in ALWAYS if name != "chatgpt")]
    assert views["codex-cli"].label == "codex-cli"
