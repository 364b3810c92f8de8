"""Subscriptions in the configuration: what can be said of one, and what is refused with a way out."""

from pathlib import Path

import pytest

from llm_gateway.config import load
from llm_gateway.config.checks import faults
from llm_gateway.config.settings import Settings
from llm_gateway.config.subscriptions import SubscriptionSettings
from llm_gateway.errors import ConfigError

WHOLE = """
[[subscriptions]]
name = "my-max"
draws = ["claude", "claude-login"]
plan = "Max 20x"
price_usd = 200
renews = 14
owner = "ada"
machine = "mac"
callers = ["laptop"]
people = ["ada"]
"""


def loaded(home: Path, text: str) -> Settings:
    (home / "gateway.toml").write_text(text)
    return load(flags={"home": home}, environ={}).settings


def test_all_of_it_can_be_said(tmp_path: Path) -> None:
    assert loaded(tmp_path, WHOLE).subscriptions == (
        SubscriptionSettings(
            "my-max",
            ("claude", "claude-login"),
            "Max 20x",
            200.0,
            14,
            "ada",
            "mac",
            ("laptop",),
            ("ada",),
        ),
    )


def test_a_name_and_what_draws_is_enough(tmp_path: Path) -> None:
    (only,) = loaded(tmp_path, '[[subscriptions]]\nname = "plus"\ndraws = ["codex"]\n').subscriptions
    assert (only.plan, only.price_usd, only.renews) == ("", None, None)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("renews = 32", "subscriptions.0.renews"),
        ("price_usd = -1", "subscriptions.0.price_usd"),
        ("price = 20", "did you mean price_usd?"),
        ('draws = "claude"', "subscriptions.0.draws"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, line: str, told: str) -> None:
    draws = "" if line.startswith("draws") else 'draws = ["claude"]\n'
    with pytest.raises(ConfigError, match=told.replace(".", r"\.").replace("?", r"\?")):
        loaded(tmp_path, f'[[subscriptions]]\nname = "my"\n{draws}{line}\n')


def test_names_are_unique_and_something_draws() -> None:
    twice = SubscriptionSettings("my", ("claude",))
    told = [why for _, why in faults(Settings(subscriptions=(twice, twice)))]
    assert told == ['"my" is there 2 times'] * 2
    ((path, why),) = faults(Settings(subscriptions=(SubscriptionSettings("my", ()),)))
    assert path == ("subscriptions", 0, "draws") and "claude-login" in why
