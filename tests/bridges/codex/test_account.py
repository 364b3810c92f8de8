"""How Codex is, by its account and its plan."""

import pytest

from llm_gateway.bridges.codex.account import health_of, health_of_fault, health_of_refusal, windows_of
from llm_gateway.bridges.codex.protocol import (
    Account,
    AccountRead,
    Credits,
    Limits,
    LimitWindow,
    SpendLimit,
)
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import BridgeState, Health, Window
from llm_gateway.bridges.rpc import RpcRefused

NOTHING = Limits()
NOW = 1_700_000_000_000_000
PLUS = AccountRead(True, Account("chatgpt", "plus"))


def health(read: AccountRead, limits: Limits = NOTHING) -> Health:
    return health_of(read, limits, "0.169.0", NOW, "codex")


def test_nobody_is_logged_in() -> None:
    found = health(AccountRead(True))
    assert (found.state, found.verified, found.version) == ("auth_required", "none", "0.169.0")
    assert found.action is not None
    assert found.action.command == "llm-gateway login codex"


@pytest.mark.parametrize(
    ("read", "account", "verified"),
    [
        (PLUS, "plus", "login_seen"),
        (AccountRead(True, Account("apiKey")), "API key", "login_seen"),
        (AccountRead(True, Account("chatgpt")), "", "login_seen"),
        (AccountRead(False), "provider of one's own", "none"),
    ],
)
def test_somebody_is_or_need_not_be(read: AccountRead, account: str, verified: str) -> None:
    found = health(read)
    assert (found.state, found.account, found.verified) == ("ok", account, verified)


@pytest.mark.parametrize(
    ("reached", "reason"),
    [
        ("rate_limit_reached", "the plan's quota is used up"),
        ("workspace_member_credits_depleted", "the plan's credits are used up"),
    ],
)
def test_a_plan_is_used_up(reached: str, reason: str) -> None:
    found = health(PLUS, Limits(LimitWindow(100, 300, 1_700_000_060), rate_limit_reached_type=reached))
    assert (found.state, found.reason, found.resets_us) == ("rate_limited", reason, 1_700_000_060_000_000)
    assert found.windows == (Window("5 hours", 1.0, 1_700_000_060_000_000),)


@pytest.mark.parametrize(
    ("message", "state"),
    [
        ("GET https://chatgpt.com/backend-api/wham/usage failed: 401 Unauthorized", "auth_required"),
        ("failed: 403 Forbidden", "not_entitled"),
        ("failed: 429 Too Many Requests", "rate_limited"),
        ("failed: 503 Service Unavailable", "degraded"),
        ("error sending request for url (https://chatgpt.com)", "unreachable"),
        ("workspace routing discovery failed", "unreachable"),
    ],
)
def test_the_vendor_did_not_say(message: str, state: BridgeState) -> None:
    found = health_of_refusal(RpcRefused("account/read", -32603, message), "0.169.0", "codex")
    assert (found.state, found.verified) == (state, "none")
    assert "chatgpt.com" not in found.reason


def test_a_fault_is_a_state() -> None:
    found = health_of_fault(BridgeFault("version_mismatch", "too old"), required="0.163.0")
    assert (found.state, found.required) == ("version_mismatch", "0.163.0")
    assert health_of_fault(BridgeFault("upstream_timeout", "slow")).state == "unreachable"
    assert health_of_fault(BridgeFault("bridge_failed", "it broke")).state == "error"


@pytest.mark.parametrize(
    ("minutes", "name"),
    [(300, "5 hours"), (10_080, "7 days"), (45, "45 minutes"), (None, "short"), (0, "short")],
)
def test_windows_are_called_by_their_length(minutes: int | None, name: str) -> None:
    assert list(windows_of(Limits(LimitWindow(150, minutes)))) == [Window(name, 1.0)]


def test_what_one_person_may_spend_is_a_window() -> None:
    limits = Limits(individual_limit=SpendLimit(25, 1_700_000_060))
    assert list(windows_of(limits)) == [Window("spend limit", 0.75, 1_700_000_060_000_000)]
    assert list(windows_of(Limits(individual_limit=SpendLimit(-5)))) == [Window("spend limit", 1.0)]


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (Credits(has_credits=True, balance="12.50"), "12.50 left"),
        (Credits(has_credits=True), "some left"),
        (Credits(unlimited=True), "unlimited"),
    ],
)
def test_credits_are_told_in_words(told: Credits, status: str) -> None:
    assert list(windows_of(Limits(credits=told))) == [Window("credits", 0.0, status=status)]


def test_no_credits_are_no_window() -> None:
    assert list(windows_of(Limits(credits=Credits()))) == []
