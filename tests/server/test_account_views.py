"""A subscription as it is shown: state, windows with their age, what helps, and what is not known."""

from llm_gateway.bridges.health import Health
from llm_gateway.config.subscriptions import SubscriptionSettings
from llm_gateway.ledger.quota_samples import Draw, Sample
from llm_gateway.pipeline.plan_switches import Switch
from llm_gateway.pipeline.pools import Pool
from llm_gateway.pipeline.quota_keeping import Bridged
from llm_gateway.providers.catalog import load_catalog
from llm_gateway.server.account_views import AccountView, Known, account_views, switch_views
from llm_gateway.server.subscription_worth import Worth

HOUR = 3_600_000_000
NOW = 1_700_000_000_000_000
ROWS = {row.name: row for row in load_catalog()}
LOGIN = Draw("account:a", "claude-login", "login", "ada", "ada", "mac", "", "allowed", NOW, NOW)
BRIDGE = Draw("account:a", "claude", "bridge", plan="max", status="ok", first_us=NOW, last_us=NOW - 5)


def sample(
    name: str, *points: tuple[float, float], resets: int = NOW + HOUR, status: str = ""
) -> list[Sample]:
    """Return a window as it was told so many hours ago."""
    return [
        Sample("account:a", name, NOW - int(ago * HOUR), NOW - int(ago * HOUR), used, resets, status)
        for ago, used in points
    ]


def known(history: list[Sample], *bridged: Bridged, worth: Worth | None = None) -> Known:
    return Known(history, bridged, ROWS, {"account:a": worth} if worth else {}, NOW)


def only(pool: Pool, told: Known) -> AccountView:
    (view,) = account_views([pool], told)
    return view


def test_a_window_is_shown_with_its_age_its_rate_and_when_it_is_used_up() -> None:
    view = only(Pool(("account:a",), (LOGIN,)), known(sample("5 hours", (1, 0.2), (0.5, 0.7))))
    (window,) = view.windows
    assert (window.name, window.used, window.age_seconds) == ("5 hours", 0.7, 1800)
    assert window.per_hour is not None and window.hits_limit_at is not None
    assert view.state == "ok"
    anew = f"it begins anew at {window.resets_at}"
    assert view.alerts == [f"5 hours: used up at {window.hits_limit_at} if it goes on like this; {anew}"]


def test_a_window_that_is_used_up_is_the_state_of_it_all() -> None:
    view = only(Pool(("account:a",), (LOGIN,)), known(sample("7 days", (2, 0.9), (1, 1.0))))
    assert view.state == "rate_limited"
    assert view.alerts == [f"7 days: used up; it begins anew at {view.windows[0].resets_at}"]


def test_a_window_that_has_begun_anew_is_not_known() -> None:
    view = only(Pool(("account:a",), (LOGIN,)), known(sample("5 hours", (2, 1.0), resets=NOW - HOUR)))
    (window,) = view.windows
    assert (window.used, window.status, window.hits_limit_at) == (None, "begun anew", None)
    assert (view.state, view.alerts) == ("ok", [])


def test_what_several_were_told_of_one_account_is_one_window() -> None:
    bridge = Sample("account:a.x", "5 hours", NOW - 5, NOW - 1, 0.9, NOW + HOUR)
    pool = Pool(("account:a", "account:a.x"), (LOGIN, BRIDGE))
    view = only(pool, known([*sample("5 hours", (1, 0.2)), bridge], Bridged(ROWS["claude"], Health("ok"))))
    assert [(window.name, window.used) for window in view.windows] == [("5 hours", 0.9)]
    assert view.plan == "max", "as the vendor calls it"
    assert view.label == "Claude subscription, by the client's own login; Claude plan, through Claude Code"


def test_credits_have_no_share_and_a_limit_says_when_it_is_reached() -> None:
    left = sample("credits", (1, 0.0), resets=0, status="12.50 left")
    reached = sample("limit", (1, 1.0), status="reached")
    view = only(Pool(("account:a",), (LOGIN,)), known([*left, *reached]))
    assert [(each.name, each.used, each.status, each.per_hour) for each in view.windows] == [
        ("credits", None, "12.50 left", None),
        ("limit", 1.0, "reached", None),
    ]
    assert view.state == "rate_limited"
    free = only(Pool(("account:a",), (LOGIN,)), known(sample("limit", (1, 0.0), resets=0, status="open")))
    assert (free.windows[0].used, free.state) == (None, "ok")


def test_what_was_written_of_it_goes_before_what_is_told() -> None:
    settings = SubscriptionSettings("my-max", ("claude",), "Max 20x", 200.0, owner="ada", machine="studio")
    worth = Worth("2026-11-01T00:00:00.000Z", 10, 1000, 50.0, 50_000_000_000, "high", (), ("a note",))
    pool = Pool(("account:a",), (BRIDGE,), settings)
    view = only(pool, known([], Bridged(ROWS["claude"], Health("ok")), worth=worth))
    assert (view.name, view.configured, view.plan, view.owner, view.machine) == (
        "my-max",
        True,
        "Max 20x",
        "ada",
        "studio",
    )
    assert (view.paid_usd_month, view.worth_per_paid, view.notes) == (200.0, 0.25, ["a note"])


def test_one_that_is_configured_shows_why_it_cannot_be_used() -> None:
    settings = SubscriptionSettings("my-max", ("claude", "codex"))
    out = Bridged(ROWS["claude"], Health("auth_required", "nobody is logged in"))
    view = only(Pool((), (), settings), Known([], (out,), ROWS, {}, NOW))
    assert (view.id, view.state, view.told_at) == ("configured:my-max", "auth_required", "")
    assert view.alerts == ["claude: auth_required: nobody is logged in"]
    assert view.notes == ["nothing that draws on it has been seen"]
    assert [(draw.provider, draw.state, draw.last_at) for draw in view.draws] == [
        ("claude", "auth_required", "")
    ]
    nothing = only(Pool((), (), settings), Known([], (), ROWS, {}, NOW))
    assert (nothing.state, nothing.draws) == ("unknown", [])


def test_without_a_word_in_the_configuration_only_what_is_in_use_is_shown() -> None:
    pool = Pool(("account:a",), (BRIDGE,))
    ok, out = Bridged(ROWS["claude"], Health("ok")), Bridged(ROWS["claude"], Health("auth_required", "no"))
    assert account_views([pool], known([], out)) == []
    assert account_views([pool], known([])) == [], "the bridge is gone"
    assert only(pool, known([], ok)).name == "claude"
    long_ago = Draw("account:a", "claude-login", "login", "ada", last_us=NOW - 32 * 24 * HOUR)
    assert account_views([Pool(("account:a",), (long_ago,))], known([])) == []
    assert only(Pool(("account:a",), (LOGIN,)), known([])).name == "claude-login/ada"


def test_who_draws_on_another_account_by_now_is_said_to() -> None:
    moved = Draw("account:b", "claude-login", "login", "ada", last_us=NOW + 1)
    also = Draw("account:a", "chatgpt-login", "login", "bob", last_us=NOW)
    old, new = account_views([Pool(("account:a",), (LOGIN, also)), Pool(("account:b",), (moved,))], known([]))
    assert [(draw.caller, draw.current) for draw in old.draws] == [("ada", False), ("bob", True)]
    assert (old.name, new.name) == ("chatgpt-login/bob", "claude-login/ada")


def test_a_login_that_is_refused_is_limited_until_its_window_begins_anew() -> None:
    refused = Draw("account:a", "claude-login", "login", "ada", status="rejected", last_us=NOW)
    pool = Pool(("account:a",), (refused,))
    view = only(pool, known(sample("5 hours", (1, 0.99), status="rejected")))
    assert (view.draws[0].state, view.draws[0].status, view.state) == (
        "rate_limited",
        "rejected",
        "rate_limited",
    )
    later = only(pool, known(sample("5 hours", (1, 1.0), resets=NOW - 1, status="rejected")))
    assert later.draws[0].state == "ok"


def test_a_provider_that_is_unknown_by_now_is_called_by_its_name() -> None:
    gone = Draw("login:old:ada", "old", "login", "ada", last_us=NOW)
    assert only(Pool(("login:old:ada",), (gone,)), known([])).label == "old"


def test_traffic_that_has_moved_is_told_in_words() -> None:
    hour = NOW // HOUR
    (view,) = switch_views(
        [Switch("claude-code", "ada", "claude-login", "anthropic", hour, 12, 1_520_000_000)]
    )
    assert (view.requests, view.cost_usd) == (12, 1.52)
    assert view.message == (
        f"claude-code of ada was answered by claude-login until {view.since} and is billed by anthropic "
        "since: 12 requests, 1.52 USD"
    )
