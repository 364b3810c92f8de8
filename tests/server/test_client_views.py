"""The clients as the dashboard API shows them."""

from ledger_samples import NOON
from llm_gateway.clients.coverage import Known, Uses, cover_all
from llm_gateway.ledger.coverage import Use
from llm_gateway.server.client_views import ALWAYS, ClientView, client_views

HOUR = 3_600_000_000


def shown(*routed: Use, known: Known | None = None) -> dict[str, ClientView]:
    found = {"laptop": {"codex-cli": known}} if known is not None else {}
    verdicts = cover_all("laptop", found, Uses(routed), NOON, ALWAYS)
    return {view.id: view for view in client_views(verdicts, {"codex-cli": 7})}


def test_the_ids_that_a_dashboard_relies_on_are_always_there() -> None:
    views = shown()
    assert set(views) == set(ALWAYS)
    for view in views.values():
        assert (view.status, view.tracked_requests, view.last_seen) == ("not-connected", 0, None)
        assert view.label and view.reason and view.fix
    assert views["microsoft-copilot"].coverage.verdict == views["chatgpt"].coverage.verdict == "cannot"
    assert views["openai-compatible"].coverage.verdict == "unknown"


def test_a_client_that_goes_through_is_captured() -> None:
    use = Use("codex-cli", "", NOON // HOUR, "", 3, 30, NOON, 1)
    view = shown(use, known=Known(installed=True, running=True, evidence=("it runs",)))["codex-cli"]
    assert (view.label, view.status, view.machine) == ("Codex CLI", "live", "laptop")
    assert view.tracked_requests == 7
    assert view.last_seen == "2023-11-14T22:13:20.000Z"
    coverage = view.coverage
    assert (coverage.verdict, coverage.share, coverage.routed_requests) == ("captured", 1.0, 3)
    assert (coverage.routed_tokens, coverage.background_requests) == (30, 1)
    assert coverage.evidence[-1] == "it runs" and len(coverage.trend) == 14
    assert (view.reason, view.fix) == ("", "")
