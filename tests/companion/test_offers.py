"""What a companion says of its bridges comes back, within bounds, and is believed only so far."""

import msgspec
import pytest

from llm_gateway.bridges.health import Action, BridgeModel, Health, Window
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.companion.frames import MOST
from llm_gateway.companion.offers import News, Offer, UnreadableNews, able, meet, read_news, write_news

HEALTH = Health("rate_limited", "used up", Action("wait"), resets_us=5, windows=(Window("week", 0.5),))
OFFER = Offer(
    "claude", "claude", HEALTH, (BridgeModel("sonnet", "Sonnet", 200_000),), {"tools": True}, ("anna",)
)


def test_news_come_back() -> None:
    news = News((OFFER,), paused=True, trouble="tls_failed: expired")
    assert read_news(write_news(news)) == news


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x81\xa6offers\x01",
        write_news(News((msgspec.structs.replace(OFFER, bridge="a/b"),))),
        write_news(News((msgspec.structs.replace(OFFER, bridge=""),))),
        write_news(News(trouble="x" * 501)),
        write_news(News((OFFER,) * 65)),
        msgspec.msgpack.encode({"offers": [{"bridge": "x", "kind": "x", "health": {"state": "new"}}]}),
    ],
)
def test_what_says_something_else_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableNews):
        read_news(data)


def test_what_a_later_version_says_beside_it_is_let_pass() -> None:
    data = msgspec.msgpack.encode({"offers": [], "mood": "fine"})
    assert read_news(data) == News()


def test_models_that_do_not_fit_are_left_out() -> None:
    models = tuple(BridgeModel(f"model-{number}", "x" * 3000) for number in range(500))
    news = News((msgspec.structs.replace(OFFER, models=models),) * 3)
    data = write_news(news)
    assert len(data) < MOST
    assert 0 < len(read_news(data).offers[0].models) < 200


def test_no_more_is_believed_than_such_a_bridge_can_do() -> None:
    known = Abilities(tools=True, images=False, system=True)
    assert meet({"tools": True, "images": True, "flying": True}, known) == Abilities(tools=True, system=False)
    assert meet(able(Abilities(tools=True, images=True)), known) == Abilities(tools=True)
    assert meet(able(None), known) == Abilities()
