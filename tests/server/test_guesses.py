"""A thousand guesses at the dashboard's token: none is let in, and nobody else suffers by them."""

import pytest

from fakes import FakeClock, FakeWire
from llm_gateway.errors import GatewayError, LimitReached, Unauthenticated
from llm_gateway.http.exchange import Exchange
from llm_gateway.server.access import Access
from llm_gateway.server.guesses import Guesses
from llm_gateway.vault import mint_key

OWNER, DASHBOARD = b"lgo_owner-of-this-machine", b"a-token-of-somebodys-choosing"


def access() -> tuple[Access, FakeClock]:
    clock = FakeClock()
    return Access(OWNER, DASHBOARD, Guesses(clock)), clock


def request(token: bytes, peer: str = "127.0.0.1") -> Exchange:
    exchange = FakeWire().exchange(b"GET", b"/it", [(b"authorization", b"Bearer " + token)] if token else [])
    exchange.peer = peer
    return exchange


def shown(
    door: Access, token: bytes, peer: str = "127.0.0.1", wants: str = "dashboard"
) -> type[GatewayError] | None:
    try:
        door.require(wants, request(token, peer))
    except GatewayError as error:
        return type(error)
    return None


@pytest.mark.control("T15")
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "192.168.1.77"])
def test_a_thousand_guesses_are_mostly_not_listened_to(peer: str) -> None:
    door, clock = access()
    answers = []
    for number in range(1000):
        answers.append(shown(door, b"guess-%d" % number, peer))
        clock.advance(0.1)
    assert None not in answers
    assert answers.count(Unauthenticated) < 20 and answers.count(LimitReached) > 980


def test_who_is_locked_out_is_told_for_how_long_and_the_right_token_does_not_help() -> None:
    door, clock = access()
    for number in range(10):
        assert shown(door, b"guess-%d" % number) is Unauthenticated
    with pytest.raises(LimitReached, match="again in 30 seconds") as refused:
        door.require("dashboard", request(DASHBOARD))
    assert refused.value.retry_after == 30.0
    assert shown(door, DASHBOARD, "192.168.1.5") is None, "another address is another matter"
    assert shown(door, OWNER) is None, "the owner is never kept out"
    clock.advance(30.1)
    assert shown(door, DASHBOARD) is None


def test_a_page_with_an_old_token_and_an_application_with_a_key_do_not_lock_anybody_out() -> None:
    door, _ = access()
    for _ in range(100):
        assert shown(door, b"the-token-of-last-week") is Unauthenticated
        assert shown(door, mint_key().encode()) is Unauthenticated
        with pytest.raises(Unauthenticated):
            door.require("dashboard", request(b""))
    assert shown(door, DASHBOARD) is None


def test_guesses_at_the_owners_paths_count_too() -> None:
    door, _ = access()
    for number in range(10):
        assert shown(door, b"guess-%d" % number, wants="owner") is Unauthenticated
    assert shown(door, DASHBOARD) is LimitReached


def test_what_is_remembered_is_bounded() -> None:
    guesses = Guesses(FakeClock())
    for number in range(10_100):
        guesses.wrong(f"10.0.{number // 250}.{number % 250}", [b"x"])
    assert len(guesses._seen) == 10_000
