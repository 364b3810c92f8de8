"""`subscriptions`: what is used, when it runs out, who draws, what it is worth; readable in a terminal."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from gateway_process import GatewayProcess
from llm_gateway.cli.subscriptions import lines_of
from llm_gateway.server.account_views import AccountView, AccountWindowView, DrawView
from llm_gateway.server.subscription_worth import ShareView, Worth
from terminal import Terminal

VALUE = "API-equivalent value 50.00 USD"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
WINDOW = AccountWindowView(
    "5 hours", 0.42, "2026-11-27T14:10:00.000Z", "allowed", "2026-11-27T11:58:00Z", 120, 0.12, None
)
BEGUN = AccountWindowView("7 days", None, "2026-11-25T11:00:00.000Z", "begun anew", "", 30, None, None)
LOGIN = DrawView(
    "claude-login", "Claude", "login", "ada", "mac", "ok", "allowed", "", current=True, last_at=""
)
BRIDGE = DrawView(
    "claude", "Claude", "bridge", "", "", "auth_required", "", "nobody", current=False, last_at=""
)
WORTH = Worth(
    "2026-11-14T00:00:00.000Z",
    10,
    1234,
    50.0,
    50_000_000_000,
    "high",
    (ShareView("claude-code", "ada", "claude-login", 10, 1234, 50.0, 1.0),),
)
ACCOUNT = AccountView(
    id="account:a",
    name="my-max",
    configured=True,
    label="",
    plan="Max 20x",
    owner="ada",
    machine="mac",
    state="ok",
    told_at="",
    windows=[WINDOW, BEGUN],
    draws=[LOGIN, BRIDGE],
    worth=WORTH,
    paid_usd_month=200.0,
    worth_per_paid=0.25,
    alerts=["5 hours: used up soon"],
    notes=["a note"],
)


def test_a_subscription_is_told_in_a_few_lines() -> None:
    assert list(lines_of(ACCOUNT, NOW)) == [
        "my-max: ok (Max 20x, 200.00 USD a month, ada, on mac)",
        f"  {'5 hours':<24} 42% used, allowed, 12.0% an hour, begins anew in 2 h 10 min, told 2 min ago",
        "  7 days                   -, begun anew, began anew 2 d 1 h ago, told 30 s ago",
        "  drawn on by claude-login of ada on mac (login, ok)",
        "  drawn on by claude (bridge, auth_required: nobody), before: it draws on another account now",
        f"  since 2026-11-14: 10 requests, 1234 tokens, {VALUE}, 0.25 times what is paid, high confidence",
        "    100%  claude-code of ada (claude-login, 10 requests)",
        "  note: a note",
        "  ! 5 hours: used up soon",
    ]


def test_what_is_not_known_is_not_made_up() -> None:
    bare = msgspec.structs.replace(
        ACCOUNT,
        plan="",
        owner="",
        machine="",
        windows=[],
        draws=[],
        worth=Worth(),
        paid_usd_month=None,
        worth_per_paid=None,
        alerts=[],
        notes=[],
    )
    assert list(lines_of(bare, NOW)) == ["my-max: ok", "  nothing has been told of its windows yet"]
    unpaid = msgspec.structs.replace(bare, worth=msgspec.structs.replace(WORTH, confidence="", clients=()))
    assert list(lines_of(unpaid, NOW))[-1] == (f"  since 2026-11-14: 10 requests, 1234 tokens, {VALUE}")


@pytest.mark.usefixtures("gateway")
def test_where_there_is_none_that_is_said(terminal: Terminal) -> None:
    assert terminal.ok("subscriptions").out.startswith("no subscription is configured or in use")
    told = terminal.json("subscriptions")
    assert (told["schema"], told["subscriptions"]) == ("llm-gateway/subscriptions/v1", [])


def test_a_gateway_has_to_run(stopped: Terminal) -> None:
    assert stopped("subscriptions").code == 5


def test_several_are_told_one_below_the_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("first", "second\\u001b[2J")
    config = "".join(f'[[subscriptions]]\nname = "{name}"\ndraws = ["claude-login"]\n' for name in names)
    with GatewayProcess(tmp_path, config) as gateway:
        terminal = Terminal(gateway.home / "gateway", capsys)
        out = terminal.ok("subscriptions").out
    assert out.startswith("first: unknown\n") and "\n\nsecond?[2J: unknown\n" in out
