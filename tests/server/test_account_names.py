"""Accounts have the names that were written for them, else those of what draws on them."""

from llm_gateway.config.subscriptions import SubscriptionSettings
from llm_gateway.ledger.quota_samples import Draw
from llm_gateway.pipeline.pools import Pool
from llm_gateway.server.account_names import AccountNames


def test_a_login_is_known_by_its_key_and_a_bridge_by_its_provider() -> None:
    login = Draw("account:a", "claude-login", "login", "ada", last_us=1)
    bridge = Draw("account:a", "claude", "bridge", last_us=1)
    named = Pool(("account:a",), (login, bridge), SubscriptionSettings("my-max", ("claude",)))
    other = Pool(("b",), (Draw("b", "claude-login", "login", "bob", last_us=1),))
    names = AccountNames([named, other])
    assert names.of("claude-login", "ada") == names.of("claude", "anybody") == "my-max"
    assert names.of("claude-login", "bob") == "claude-login/bob"
    assert names.of("claude-login", "eve") is None and names.of("openai", "ada") is None


def test_of_two_accounts_of_a_caller_it_is_the_one_that_was_told_of_last() -> None:
    old, new = (
        Pool(
            (name,), (Draw(name, "claude-login", "login", "ada", last_us=at),), SubscriptionSettings(name, ())
        )
        for name, at in (("old", 1), ("new", 2))
    )
    assert AccountNames([new, old]).of("claude-login", "ada") == "new"
    assert AccountNames([old, new]).of("claude-login", "ada") == "new"
