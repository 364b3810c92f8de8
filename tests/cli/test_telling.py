"""A companion says how it goes once, and what it offers with what helps."""

import pytest

from llm_gateway.bridges.health import Action, Health
from llm_gateway.cli.telling import Teller, offered
from llm_gateway.companion.hosting import Progress
from llm_gateway.companion.offers import News, Offer


def test_a_gateway_that_stays_away_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller()
    away = Progress("away", "gateway.example cannot be reached: Connection refused", "unreachable")
    for progress in (away, away, Progress("connected", "connected as mac"), away):
        teller.tell(progress)
    lost = f"not connected (unreachable): {away.message}; it goes on trying"
    assert capsys.readouterr().err.splitlines() == [lost, "connected as mac", lost]


def test_what_is_offered_and_what_helps() -> None:
    out = Health("auth_required", "nobody is logged in", Action("log in", "llm-gateway login claude"))
    mine = Health("degraded", "it failed", Action("look at it"))
    offers = tuple(
        Offer(name, name, health)
        for name, health in (("codex", Health("ok")), ("claude", out), ("goose", mine))
    )
    said = offered(News(offers))
    assert said == (
        "it offers codex (ok), claude (auth_required; llm-gateway login claude), goose (degraded; look at it)"
    )
    assert "llm-gateway bridges" in offered(News())
    assert "llm-gateway companion resume" in offered(News(offers, paused=True))
