"""Everything that needs somebody is said once, with why and the way out; what needs nobody is not said."""

import shlex

import msgspec
import pytest

from llm_gateway.bridges.health import Action, BridgeState, Health
from llm_gateway.pipeline.quotas import Quota, Used
from llm_gateway.providers.catalog import load_catalog
from llm_gateway.server.advice import Advice
from llm_gateway.server.bridges_api import BridgeView, bridge_view
from llm_gateway.server.client_views import ClientView, Coverage
from llm_gateway.server.limit_views import LimitView
from llm_gateway.server.pages.todo import Known, Todo, is_gap, todos
from llm_gateway.server.views import HealthView
from llm_gateway.upstream.fleet import Member, Presence, State

WELL = HealthView("ok", "connected", "1", 1, 0, 1)
BRIDGES = {row.name: row for row in load_catalog() if row.bridge is not None}
HOSTED = next(row for row in load_catalog() if row.api_key_env)


def client(verdict: str, status: str = "running", fix: str = "llm-gateway connect x") -> ClientView:
    coverage = Coverage(verdict, 0, 0, 0, 0, 0, None, "", [], [])
    return ClientView("codex-cli", "Codex", status, 0, None, "laptop", coverage, "because", fix, None)


def bridge(
    state: BridgeState, machine: str = "", action: Action | None = None, last_us: int = 1
) -> BridgeView:
    row = next(iter(BRIDGES.values()))
    health = Health(state, "it says so", action, last_success_us=last_us)
    return bridge_view(row, health, (), machine)


def member(state: State, presence: Presence = "configured", *, bridged: bool = False) -> Member:
    row = next(iter(BRIDGES.values())) if bridged else HOSTED
    return Member(row, presence, state=state, reason="401 from its model list")


def limit(share: float, name: str = "usd_day", *, warned: bool = False) -> LimitView:
    return LimitView("key", "ada", name, 10.0, 10 * share, share, warned, "2026-01-01T00:00:00Z")


def quota(share: float) -> Quota:
    return Quota("claude", "Claude", "ada", 1, "", (Used("5 hours", 0.1), Used("7 days", share)))


def one(known: Known) -> Todo:
    (found,) = todos(known)
    return found


def test_where_all_is_well_there_is_nothing_to_do() -> None:
    well = Known(
        WELL,
        "",
        [client("captured"), client("cannot"), client("bypassing", "installed")],
        [
            bridge("ok"),
            bridge("disabled"),
            bridge("not_installed"),
            bridge("starting"),
            bridge("rate_limited"),
        ],
        [member("ok"), member("unknown"), member("unreachable", bridged=True)],
        [limit(0.5), limit(1.0, "requests_per_minute")],
        [quota(0.79), msgspec.structs.replace(quota(1), windows=())],
    )
    assert todos(well) == []


def test_storage_that_takes_nothing_comes_with_its_way_out() -> None:
    health = msgspec.structs.replace(
        WELL, database="failing: the disk is full", advice="make room", unrecorded=3
    )
    found = one(Known(health))
    assert (found.kind, found.tone, found.help) == ("storage", "bad", "make room")
    assert found.why == "failing: the disk is full; 3 records are in memory alone"


def test_a_refused_configuration_says_why_and_names_the_command() -> None:
    found = one(Known(msgspec.structs.replace(WELL, configuration="server.port: 0x is no number")))
    assert (found.kind, found.why, found.command) == (
        "configuration",
        "server.port: 0x is no number",
        "llm-gateway config check",
    )


def test_an_exposure_that_is_wrong_says_what_is_lacking() -> None:
    found = one(Known(WELL, "server.host: listening on 10.0.0.1 needs more: TLS"))
    assert (found.kind, found.tone) == ("exposure", "bad") and "TLS" in found.why


@pytest.mark.parametrize(
    ("verdict", "tone", "told"),
    [
        ("bypassing", "bad", "Codex bypasses the gateway on laptop"),
        ("partly", "warn", "Codex goes only partly through the gateway on laptop"),
        ("unknown", "warn", "Codex runs, and nothing of it has come through on laptop"),
    ],
)
def test_an_application_that_is_not_captured_has_its_command_and_its_page(
    verdict: str, tone: str, told: str
) -> None:
    assert is_gap(client(verdict))
    found = one(Known(WELL, clients=[client(verdict)]))
    assert (found.tone, found.title, found.why) == (tone, told, "because")
    assert (found.command, found.help) == ("llm-gateway connect x", "")
    assert found.link == "/clients?client=codex-cli"


def test_what_is_no_command_is_told_in_words() -> None:
    found = one(Known(WELL, clients=[client("unknown", fix="restart Codex")]))
    assert (found.command, found.help) == ("", "restart Codex")


@pytest.mark.parametrize(
    ("state", "tone", "command"),
    [
        ("auth_required", "warn", "llm-gateway login {0}"),
        ("consent_required", "warn", "llm-gateway login {0}"),
        ("unreachable", "bad", "llm-gateway bridges check {0}"),
        ("error", "bad", "llm-gateway bridges check {0}"),
        ("version_mismatch", "bad", ""),
        ("not_entitled", "bad", ""),
        ("degraded", "warn", "llm-gateway bridges check {0}"),
    ],
)
def test_a_bridge_that_does_not_answer_has_what_helps(state: BridgeState, tone: str, command: str) -> None:
    shown = bridge(state)
    found = one(Known(WELL, bridges=[shown]))
    assert (found.tone, found.why, found.command) == (tone, "it says so", command.format(shown.name))
    assert found.link == f"/bridges#{shown.name}"


def test_the_vendors_own_word_goes_before_ours() -> None:
    found = one(
        Known(WELL, bridges=[bridge("auth_required", "mac", Action("log in there", "claude /login"))])
    )
    assert (found.command, found.help) == ("claude /login", "log in there")
    assert found.title.endswith("needs a login on mac")


def test_a_command_of_ours_is_for_this_machine() -> None:
    assert one(Known(WELL, bridges=[bridge("auth_required", "mac")])).command == ""


def test_a_bridge_that_was_only_found_can_wait() -> None:
    found = one(
        Known(
            WELL, bridges=[bridge("auth_required", last_us=0)], members=[member("ok", "bridge", bridged=True)]
        )
    )
    assert found.tone == "none"


def test_a_provider_without_a_key_names_the_variable() -> None:
    found = one(Known(WELL, members=[member("auth_required")]))
    assert (found.kind, found.tone, found.why) == ("provider", "bad", "401 from its model list")
    assert HOSTED.api_key_env[0] in found.help


def test_a_provider_that_is_away_is_told() -> None:
    assert one(Known(WELL, members=[member("unreachable")])).tone == "warn"


@pytest.mark.parametrize(("share", "tone", "word"), [(1.0, "bad", "reached"), (0.85, "warn", "close")])
def test_a_limit_that_is_close_or_reached_says_how_far(share: float, tone: str, word: str) -> None:
    found = one(Known(WELL, limits=[limit(share, warned=True)]))
    assert (found.tone, found.title) == (tone, f"The limit usd_day of key ada is {word}")
    assert f"({share:.0%})" in found.why and "2026-01-01" in found.why


@pytest.mark.parametrize(
    ("share", "tone", "word"), [(1.0, "bad", "used up"), (0.8, "warn", "nearly used up")]
)
def test_a_subscription_close_to_its_window_says_which(share: float, tone: str, word: str) -> None:
    found = one(Known(WELL, quotas=[quota(share)]))
    assert (found.tone, found.title) == (tone, f"The subscription Claude of ada is {word}")
    assert "7 days" in found.why


def test_prices_are_told_once_a_kind() -> None:
    advice = [
        Advice("price_unknown", "a/1", "3 answers", "state it"),
        Advice("price_unknown", "a/2", "4 answers", "state it"),
        Advice("no_reference", "ollama/q", "5 tokens", "choose one"),
        Advice("cache_never_read", "codex", "wrote", "turn it off"),
    ]
    found = todos(Known(WELL, advice=advice))
    assert [(each.kind, each.tone) for each in found] == [
        ("price_unknown", "warn"),
        ("cache_never_read", "warn"),
        ("no_reference", "none"),
    ]
    assert found[0].title == "The price of a/1 and of 1 more is not known"


def test_what_is_worst_comes_first() -> None:
    known = Known(
        msgspec.structs.replace(WELL, database="failing"),
        clients=[client("bypassing"), client("partly")],
        bridges=[bridge("unreachable")],
        limits=[limit(0.9, warned=True), limit(1.0)],
    )
    assert [(each.kind, each.tone) for each in todos(known)] == [
        ("storage", "bad"),
        ("client", "bad"),
        ("bridge", "bad"),
        ("limit", "bad"),
        ("client", "warn"),
        ("limit", "warn"),
    ]


def test_no_name_leads_out_of_a_link() -> None:
    hostile = msgspec.structs.replace(client("bypassing"), id='"><script>/../?&#')
    assert one(Known(WELL, clients=[hostile])).link == "/clients?client=%22%3E%3Cscript%3E%2F..%2F%3F%26%23"


def test_a_bridges_name_is_one_word_of_a_command() -> None:
    hostile = msgspec.structs.replace(bridge("auth_required"), name="$(id);x")
    assert shlex.split(one(Known(WELL, bridges=[hostile])).command) == ["llm-gateway", "login", "$(id);x"]
