"""Orders: the same ones from the same seed, of every kind, and each found again in what an upstream gets."""

import json
from collections import Counter

import pytest

from faults.asking import DIALECTS
from soak.orders import ALIASES, GONE, REFUSALS, Order, drawn, number_of, targets_of


def test_a_seed_repeats_its_orders() -> None:
    assert [drawn("1", number) for number in range(50)] == [drawn("1", number) for number in range(50)]
    assert [drawn("1", number) for number in range(50)] != [drawn("2", number) for number in range(50)]


def test_there_is_some_of_everything() -> None:
    orders = [drawn("1", number) for number in range(5000)]
    of = Counter(order.behaviour for order in orders)
    assert of.keys() == {"reads", "leaves", "breaks off", *REFUSALS} and min(of.values()) > 20
    assert of["reads"] > 4400
    assert {(order.dialect, order.stream) for order in orders} == {
        (dialect, stream) for dialect in DIALECTS for stream in (False, True)
    }
    assert {order.model for order in orders} >= {*ALIASES, f"{GONE}/m", *(f"{each}/m" for each in DIALECTS)}
    pairs = {(order.dialect, target) for order in orders for target in targets_of(order.model)}
    assert pairs >= {(client, target) for client in DIALECTS for target in DIALECTS}
    assert all(order.stream for order in orders if order.behaviour == "leaves")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("size", [1_000, 60_000])
def test_a_request_says_whose_it_is(dialect: str, size: int) -> None:
    order = Order(47, dialect, "any", False, size=size)
    sent = order.request("right", "wrong")
    head, _, body = sent.partition(b"\r\n\r\n")
    assert b"Bearer right" in head and number_of(body) == 47
    assert size * 0.95 < len(body) < size * 1.3
    json.loads(body)


def test_some_requests_are_wrong() -> None:
    assert b"Bearer wrong" in Order(1, "chat", "any", False, "no such key").request("right", "wrong")
    right = Order(1, "chat", "any", False).request("right", "wrong")
    broken = Order(1, "chat", "any", False, "no JSON").request("right", "wrong")
    assert len(broken) == len(right)
    with pytest.raises(ValueError, match="delimiter"):
        json.loads(broken.partition(b"\r\n\r\n")[2])


def test_answers_are_told_apart() -> None:
    orders = [drawn("1", number) for number in range(300)]
    assert len({order.text for order in orders}) == len(orders)
    assert all(order.text == "".join(order.texts) and order.text.endswith("Ende.") for order in orders)
    assert len({order.tokens for order in orders}) == len(orders)
    assert max(len(order.text.encode()) for order in orders) > 40_000


def test_what_is_of_no_order() -> None:
    assert number_of(b'{"model": "m"}') == -1
    assert targets_of("chat/m") == ("chat",)
