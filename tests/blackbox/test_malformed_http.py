"""Malformed HTTP against the running gateway: refused with 4xx or a close, and the server lives on."""

from collections.abc import Callable, Iterator

import pytest

from gateway_process import GatewayProcess
from malformed_http import DECIDED, MUST_REFUSE, good
from rawhttp import Ended, Reply, parse_replies

# A server that waits for more is not refusing: this is shorter than any deadline of its own.
_PATIENCE = 3.0


def exchange(gateway: GatewayProcess, pieces: Iterator[bytes] | list[bytes]) -> tuple[list[Reply], Ended]:
    with gateway.client() as client:
        client.send_pieces(pieces)
        data, ended = client.read_to_end(_PATIENCE)
    return parse_replies(data), ended


def assert_refused(replies: list[Reply], ended: Ended, before: int = 0) -> None:
    assert [reply.status for reply in replies[:before]] == [200] * before
    statuses = [reply.status for reply in replies[before:]]
    assert len(statuses) <= 1, f"one request got {statuses}"
    assert all(400 <= status < 500 or status in (501, 505) for status in statuses), statuses
    assert ended != "open", "neither answered with an error nor closed"


def assert_alive(gateway: GatewayProcess) -> None:
    assert gateway.get("/v1/models").status == 200


@pytest.mark.fault("C8")
@pytest.mark.parametrize("name", MUST_REFUSE)
def test_malformed_request_is_refused(gateway: GatewayProcess, name: str) -> None:
    replies, ended = exchange(gateway, [MUST_REFUSE[name](gateway.key)])
    assert_refused(replies, ended)
    assert_alive(gateway)


@pytest.mark.fault("C8")
def test_nothing_malformed_went_upstream_or_into_the_ledger(gateway: GatewayProcess) -> None:
    before = len(gateway.rows())
    for make in MUST_REFUSE.values():
        exchange(gateway, [make(gateway.key)])
    assert len(gateway.rows()) == before


@pytest.mark.fault("C8")
@pytest.mark.parametrize("name", DECIDED)
def test_where_servers_differ_ours_is_decided(gateway: GatewayProcess, name: str) -> None:
    make, allowed = DECIDED[name]
    replies, _ = exchange(
        gateway, [make(gateway.key).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)]
    )
    assert {reply.status for reply in replies} <= allowed
    assert replies or name == "preface of HTTP/2"
    assert_alive(gateway)


def split(data: bytes) -> Iterator[bytes]:
    step = 1 if len(data) < 1000 else len(data) // 50
    return (data[start : start + step] for start in range(0, len(data), step))


GROWN: dict[str, tuple[Callable[[bytes, bytes], Iterator[bytes] | list[bytes]], int]] = {
    "split": (lambda bad, good: split(bad), 0),
    "pipelined": (lambda bad, good: [good + bad], 1),
    "pipelined twice": (lambda bad, good: [good + good + bad], 2),
    "split and pipelined": (lambda bad, good: split(good + bad), 1),
    "before a good one": (lambda bad, good: [bad + good], 0),
    "in two parts": (lambda bad, good: [bad[: len(bad) * 2 // 3], bad[len(bad) * 2 // 3 :]], 0),
    "after empty lines": (lambda bad, good: [b"\r\n\r\n" + bad], 0),
}


@pytest.mark.fault("C8")
@pytest.mark.parametrize("way", GROWN)
@pytest.mark.parametrize("name", MUST_REFUSE)
def test_malformed_request_is_refused_however_it_comes(gateway: GatewayProcess, name: str, way: str) -> None:
    arrange, before = GROWN[way]
    replies, ended = exchange(gateway, arrange(MUST_REFUSE[name](gateway.key), good(gateway.key)))
    assert_refused(replies, ended, before)
    assert_alive(gateway)


@pytest.mark.fault("C8")
@pytest.mark.parametrize("name", MUST_REFUSE)
def test_malformed_request_is_refused_on_a_kept_connection(gateway: GatewayProcess, name: str) -> None:
    with gateway.client() as client:
        for _ in range(3):
            client.send(good(gateway.key))
            assert client.read_reply().status == 200
        client.send(MUST_REFUSE[name](gateway.key))
        data, ended = client.read_to_end(_PATIENCE)
    assert_refused(parse_replies(data), ended)


@pytest.mark.fault("C8")
@pytest.mark.parametrize("name", [name for name in MUST_REFUSE if name != "version 9.9"])
def test_malformed_request_is_refused_as_http_1_0(gateway: GatewayProcess, name: str) -> None:
    older = MUST_REFUSE[name](gateway.key).replace(b"HTTP/1.1", b"HTTP/1.0")
    assert_refused(*exchange(gateway, [older]))
