"""One account is one pool, whoever draws on it; two are two; what was configured is found in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.config.settings import Provider, Settings
from llm_gateway.config.subscriptions import SubscriptionSettings
from llm_gateway.errors import ConfigError
from llm_gateway.ledger.quota_samples import Draw, Route
from llm_gateway.pipeline.pools import Pool, check_draws, drawable, pools


def draw(pool: str, provider: str, caller: str = "", *, last: int = 1, **more: str) -> Draw:
    route: Route = "login" if caller else "bridge"
    return Draw(pool, provider, route, caller, more.get("person", ""), more.get("machine", ""), last_us=last)


def names(found: list[Pool]) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.settings.name if each.settings else "", each.names) for each in found]


def test_each_account_is_a_pool_the_latest_first() -> None:
    found = pools([draw("account:a", "claude-login", "ada"), draw("account:b", "codex", last=9)], ())
    assert names(found) == [("", ("account:b",)), ("", ("account:a",))]
    assert [each.id for each in found] == ["account:b", "account:a"]


def test_several_that_draw_on_one_account_are_one() -> None:
    one, two = draw("account:a", "claude-login", "ada"), draw("account:a", "claude")
    (found,) = pools([one, two], ())
    assert set(found.draws) == {one, two}


def test_a_bridge_that_knows_the_organization_alone_is_its_only_persons() -> None:
    told = [draw("account:a.ada", "claude-login", "ada"), draw("account:a", "claude")]
    assert names(pools(told, ())) == [("", ("account:a.ada", "account:a"))]
    two = [*told, draw("account:a.bob", "claude-login", "bob")]
    assert len(pools(two, ())) == 3, "whose of two the bridge is, nobody says"


def test_what_is_configured_brings_together_what_no_vendor_tells_apart() -> None:
    settings = SubscriptionSettings("copilot", ("github-copilot", "m365-copilot"))
    told = [draw("bridge:github-copilot", "github-copilot"), draw("bridge:m365-copilot", "m365-copilot")]
    found = pools(told, (settings,))
    assert names(found) == [("copilot", ("bridge:github-copilot", "bridge:m365-copilot"))]


def test_two_accounts_stay_two_whatever_is_written() -> None:
    settings = SubscriptionSettings("max", ("claude", "claude-login"))
    told = [draw("account:a", "claude"), draw("account:b", "claude-login", "ada", last=5)]
    assert names(pools(told, (settings,))) == [("max", ("account:b",)), ("", ("account:a",))]
    people = [
        draw("account:a.ada", "claude-login", "ada"),
        draw("account:a.bob", "claude-login", "bob", last=5),
    ]
    assert names(pools(people, (settings,))) == [("max", ("account:a.bob",)), ("", ("account:a.ada",))]


def test_callers_people_and_machines_say_whose_it_is() -> None:
    told = [
        draw("login:claude-login:ada", "claude-login", "ada", person="ada", machine="mac"),
        draw("login:claude-login:bob", "claude-login", "bob", person="bob", machine="pc"),
    ]
    for more in ({"callers": ("bob",)}, {"people": ("bob",)}, {"machine": "pc"}):
        settings = SubscriptionSettings("bobs", ("claude-login",), **more)
        assert names(pools(told, (settings,)))[0] == ("bobs", ("login:claude-login:bob",))


def test_a_bridge_elsewhere_is_found_by_its_own_name_and_by_its_machine() -> None:
    told = [draw("bridge:codex@mac", "codex@mac", machine="mac"), draw("bridge:codex", "codex")]
    mac = SubscriptionSettings("mac", ("codex",), machine="mac")
    here = SubscriptionSettings("here", ("codex",))
    assert names(pools(told, (SubscriptionSettings("that", ("codex@mac",)),)))[0] == (
        "that",
        ("bridge:codex@mac",),
    )
    found = dict(names(pools(told, (mac, here))))
    assert "bridge:codex@mac" in found["mac"]


def test_one_that_nobody_has_drawn_on_is_there_all_the_same() -> None:
    (found,) = pools([], (SubscriptionSettings("max", ("claude",)),))
    assert (found.id, found.names, found.draws) == ("configured:max", (), ())


def test_what_is_no_bridge_and_no_login_is_refused_with_a_hint() -> None:
    known = drawable(Settings(bridges=(BridgeSettings("goose"),), providers=(Provider("mine"),)))
    assert {"claude", "claude-login", "chatgpt-login", "codex", "goose", "mine"} <= known
    check_draws((SubscriptionSettings("a", ("claude", "codex@mac", "goose")),), known)
    with pytest.raises(ConfigError, match=r"subscriptions\.a\.draws: .*'claud'; did you mean claude\?"):
        check_draws((SubscriptionSettings("a", ("claud",)),), known)
    with pytest.raises(ConfigError, match=r"'zzz'; there are .*claude-login"):
        check_draws((SubscriptionSettings("a", ("zzz",)),), known)


accounts = st.sampled_from(
    ["account:a", "account:a.x", "account:a.y", "account:b", "login:p:ada", "bridge:q"]
)
drawn = st.lists(
    st.builds(draw, accounts, st.sampled_from(["p", "q"]), st.sampled_from(["", "ada", "bob"])), max_size=10
)
written = st.lists(
    st.builds(
        SubscriptionSettings,
        st.sampled_from(["one", "two"]),
        st.sampled_from([("p",), ("q",), ("p", "q")]),
    ),
    max_size=2,
)


@given(drawn, written)
def test_nothing_is_lost_nothing_is_twice_and_no_two_accounts_are_one(
    told: list[Draw], configured: list[SubscriptionSettings]
) -> None:
    found = pools(told, configured)
    assert sorted(name for each in found for name in each.names) == sorted({each.pool for each in told})
    assert len([each for each in found if each.settings]) == len(configured)
    for each in found:
        assert len({name.partition(".")[0] for name in each.names if name.startswith("account:")}) <= 1
        assert len({name for name in each.names if "." in name}) <= 1
        assert {one.pool for one in each.draws} == set(each.names)
