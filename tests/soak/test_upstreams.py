"""The upstreams of a soak: what they answer, and that they have it on record when the answer comes."""

import socket
from collections import Counter

import pytest

from faults.asking import DIALECTS
from rawhttp import RawClient, Reply
from soak.answers import fault_of
from soak.orders import GONE, Order, drawn
from soak.upstreams import Play, Upstreams

SEED = "1"


def sound(kind: str, tried: int = 1) -> Order:
    """Return an order to which nothing goes wrong so often, as the upstreams will draw it."""
    for number in range(10_000):
        order = drawn(SEED, number)
        faults = {fault_of(SEED, number, each, stream=order.stream) for each in range(tried)}
        if faults == {""} and order.dialect == kind and not order.long:
            return order
    raise AssertionError(kind)


def ask(upstreams: Upstreams, order: Order) -> Reply:
    url, _ = upstreams.targets().providers[order.dialect]
    with RawClient(int(url.rpartition(":")[2])) as client:
        client.send(order.asking.request("key"))
        return client.read_reply()


def test_each_dialect_answers_and_keeps_a_record() -> None:
    with Upstreams(SEED) as upstreams:
        for kind in DIALECTS:
            order = sound(kind, tried=2)
            for times in (1, 2):
                reply = ask(upstreams, order)
                assert order.asking.ends_well(reply) and order.asking.text(reply) == order.text
                plays = upstreams.plays(order.number)
                assert [(play.provider, play.fault) for play in plays] == [(kind, "")] * times
            upstreams.forget(order.number)
            assert upstreams.plays(order.number) == ()
        assert upstreams.played == Counter({"": 10}) and upstreams.strays == 0
        assert upstreams.told_to_wait() == {}


def test_who_tells_to_wait_is_on_record() -> None:
    later = next(
        order
        for order in (drawn(SEED, number) for number in range(10_000))
        if fault_of(SEED, order.number, 0, stream=order.stream) == "429 later"
    )
    with Upstreams(SEED) as upstreams:
        reply = ask(upstreams, later)
        assert (reply.status, reply.header("retry-after")) == (429, "1")
        (play,) = upstreams.plays(later.number)
        assert play == Play(later.dialect, "429 later", play.at)
        assert upstreams.told_to_wait() == {later.dialect: play.at}


def test_what_is_of_no_order_is_counted() -> None:
    with Upstreams(SEED) as upstreams:
        url, _ = upstreams.targets().providers["chat"]
        with RawClient(int(url.rpartition(":")[2])) as client:
            client.send(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}")
            assert client.read_reply().status == 404
        assert upstreams.strays == 1


def test_one_provider_is_not_there() -> None:
    with Upstreams(SEED) as upstreams:
        url, _ = upstreams.targets().providers[GONE]
        with socket.socket() as client, pytest.raises(ConnectionRefusedError):
            client.connect(("127.0.0.1", int(url.rpartition(":")[2])))
