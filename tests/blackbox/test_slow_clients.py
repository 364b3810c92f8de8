"""Clients that take their time: headers, bodies or nothing at all, a byte now and then."""

import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway_process import GatewayProcess, configuration
from llm_gateway.config.settings import Server
from rawhttp import parse_replies, request
from scripted import ScriptedUpstream

_DEADLINE = 1.0
# The deadline, and the clock that looks at it once a second.
_GRACE = _DEADLINE + 2.0


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    server = f"header_timeout = {_DEADLINE}\nbody_timeout = {_DEADLINE}\nidle_timeout = {_DEADLINE}"
    with (
        ScriptedUpstream() as upstream,
        GatewayProcess(
            tmp_path_factory.mktemp("hurried"), configuration(upstream.url, server=server)
        ) as gateway,
    ):
        yield gateway


def closing_times(port: int, opening: list[bytes], *, every: float, until: float) -> list[float]:
    """Open a connection for each opening, then drip bytes; return after how long each was closed."""
    began = time.monotonic()
    closed: list[float] = []
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for first in opening:
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            sock.sendall(first)
            selector.register(sock, selectors.EVENT_READ, first)
        while selector.get_map() and (now := time.monotonic()) - began < until:
            for key, _ in selector.select(every - (now - began) % every):
                if not _still_open(key.fileobj):
                    selector.unregister(key.fileobj)
                    closed.append(time.monotonic() - began)
            for key in tuple(selector.get_map().values()):
                if key.data:
                    _drip(key.fileobj)
    return closed


def _still_open(sock: object) -> bool:
    assert isinstance(sock, socket.socket)
    try:
        return bool(sock.recv(4096))
    except ConnectionResetError:
        return False


def _drip(sock: object) -> None:
    assert isinstance(sock, socket.socket)
    try:
        sock.send(b"a")
    except OSError:
        pass  # closed; the next read says so


@pytest.mark.fault("C4")
def test_default_header_deadline_is_at_most_15_seconds() -> None:
    assert 0 < Server().header_timeout <= 14, "the clock over the deadlines looks once a second"


@pytest.mark.fault("C4")
def test_fifty_slow_headers_and_a_silent_one_are_closed(hurried: GatewayProcess) -> None:
    slow = b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
    closed = closing_times(hurried.port, [slow] * 50 + [b""], every=0.1, until=3 * _GRACE)
    assert len(closed) == 51
    assert max(closed) <= _GRACE


@pytest.mark.fault("C4")
def test_a_slow_client_does_not_hold_up_others(hurried: GatewayProcess) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            client = stack.enter_context(hurried.client())
            client.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        assert hurried.chat("scripted/scripted-model").status == 200


@pytest.mark.fault("C4")
def test_a_slow_body_is_answered_with_408_and_closed(hurried: GatewayProcess) -> None:
    whole = request("POST", "/v1/chat/completions", body=b"x" * 1000, key=hurried.key)
    with hurried.client() as client:
        client.send(whole[:-900])
        data, ended = client.read_to_end(2 * _GRACE)
    replies = parse_replies(data)
    assert [reply.status for reply in replies] == [408]
    assert replies[0].error()["message"]
    assert ended == "closed"


def test_a_slow_body_without_a_key_is_refused_before_it_has_come(hurried: GatewayProcess) -> None:
    whole = request("POST", "/v1/chat/completions", body=b"x" * 1000)
    with hurried.client() as client:
        client.send(whole[:-900])
        reply = client.read_reply()
    assert reply.status == 401


@pytest.mark.fault("C4")
def test_a_resting_connection_is_closed_in_order(hurried: GatewayProcess) -> None:
    with hurried.client() as client:
        client.send(request("GET", "/v1/models", key=hurried.key))
        assert client.read_reply().status == 200
        assert client.read_to_end(2 * _GRACE) == (b"", "closed")


def test_a_drip_of_body_bytes_does_not_outlast_the_gateway(hurried: GatewayProcess, tmp_path: Path) -> None:
    """Each byte renews the deadline between two pieces; the body itself is allowed to be slow."""
    body = hurried.chat_body("scripted/scripted-model")
    head = request("POST", "/v1/chat/completions", body=body, key=hurried.key)[: -len(body)]
    with hurried.client() as client:
        client.send(head)
        client.send_pieces(body[index : index + 1] for index in range(len(body)))
        assert client.read_reply().status == 200
