"""What a gateway says of itself, as findings."""

import msgspec

from llm_gateway.server.client_views import ClientView, Coverage
from llm_gateway.server.running_checks import client_findings, health_findings, open_gaps, provider_findings
from llm_gateway.server.views import EndpointView, HealthView, ProviderView

WELL = HealthView("ok", "connected", "1.0", 5, 0, 7)
PROVIDER = ProviderView(
    "far", "Far", "hosted", "configured", "ok", "", True, [], ["m"], None, 0, None, None, None
)


def client(verdict: str, status: str = "running") -> ClientView:
    coverage = Coverage(verdict, 0, 0, 0, 0, 0, None, "", [], [])
    told = ("its settings name somebody else", "llm-gateway connect codex-cli")
    return ClientView("codex-cli", "Codex", status, 0, None, None, coverage, *told, None)


def test_all_is_well() -> None:
    found = list(health_findings("http://x", WELL))
    assert [(each.check, each.severity) for each in found] == [("gateway", "ok"), ("ledger", "ok")]


def test_a_ledger_that_fails_and_a_file_that_is_not_in_use_are_errors() -> None:
    ill = msgspec.structs.replace(
        WELL, database="failing: the disk is full", advice="make room", unrecorded=3, configuration="line 3"
    )
    _, ledger, reload = health_findings("http://x", ill)
    assert ledger.finding == "failing: the disk is full; 3 records are in memory alone"
    assert (ledger.severity, ledger.fix) == ("error", "make room")
    assert (reload.severity, "line 3" in reload.finding) == ("error", True)


def test_applications_that_run_and_go_past_are_warned_of() -> None:
    found = [client("bypassing"), client("captured"), client("cannot"), client("bypassing", "installed")]
    assert open_gaps(found) == found[:1]
    (finding,) = client_findings(found)
    assert (finding.check, finding.severity) == ("client codex-cli", "warning")
    assert finding.fix == "llm-gateway connect codex-cli"


def test_providers_say_what_helps() -> None:
    idle = msgspec.structs.replace(PROVIDER, name="claude", presence="bridge", state="disabled")
    locked = msgspec.structs.replace(PROVIDER, name="locked", state="auth_required", reason="401")
    there = [EndpointView("chat", "http://x")]
    gone = msgspec.structs.replace(PROVIDER, name="gone", state="unreachable", endpoints=there)
    told = msgspec.structs.replace(PROVIDER, name="told", kind="subscription", state="error")
    found = {each.check: each for each in provider_findings([PROVIDER, idle, locked, gone, told])}
    assert found["provider far"].finding == "1 models" and "claude" in found["bridges"].finding
    assert "provider claude" not in found
    assert found["provider locked"].fix == "set its key again"
    assert found["provider gone"].fix == "start it, or correct its base_url"
    assert "llm-gateway bridges" in found["provider told"].fix
