"""Clients that leave, dawdle, lie, flood or speak nonsense, as far as `tests/blackbox` does not test them."""

import json
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from random import Random

import pytest

from faults.stage import Stage, Start, Targets
from gateway_process import GatewayProcess
from rawhttp import RawClient, request
from scripted import Flood, Hang, Script, ScriptedUpstream, Send, chat
from scripted.wording import chunk, stream_head
from websocket_peer import opening

_CHAT = "/v1/chat/completions"
_PROMPTLY = 0.1


@pytest.fixture(scope="module")
def _upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",)) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def stage(_upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    targets = Targets()
    targets.add("up", _upstream.url)
    server = "header_timeout = 15.0\nidle_timeout = 60.0"
    with GatewayProcess(tmp_path_factory.mktemp("clients"), targets.configuration(server=server)) as gateway:
        yield Stage(gateway, targets)


@pytest.fixture
def upstream(_upstream: ScriptedUpstream) -> ScriptedUpstream:
    _upstream.forget()
    return _upstream


# C1


def _calling_a_tool() -> Script:
    """Begin to call a tool, and fall silent in its arguments."""
    events = chat.events("m", tool_calls=[chat.tool_call("lookup", {"city": "Köln"})])
    return (Send(stream_head()), *(Send(chunk(event)) for event in events[:3]), Hang())


@pytest.mark.fault("C1")
@pytest.mark.parametrize("client_dialect", ["chat", "messages"])
def test_leaving_during_a_tool_call_cancels_its_upstream(
    stage: Stage, upstream: ScriptedUpstream, client_dialect: str
) -> None:
    path = _CHAT if client_dialect == "chat" else "/v1/messages"
    body = {"model": "up/m", "max_tokens": 10, "stream": True, "messages": [{"role": "user", "content": "x"}]}
    slowest = []
    for _ in range(3):  # once may be the machine's fault
        upstream.forget()
        upstream.queue(_calling_a_tool())
        with stage.gateway.client() as client:
            client.send(request("POST", path, body=json.dumps(body).encode(), key=stage.gateway.key))
            client.read_until(b"lookup")
            request_id = client.head().header("x-llm-gateway-request-id")
            connection = upstream.wait_asked().connection
            left = time.monotonic()
            client.reset()
            slowest.append(upstream.wait_closed(connection) - left)
        until = time.monotonic() + 5
        while (row := stage.gateway.row(request_id))["status"] == "running":
            assert time.monotonic() < until
        assert row["status"] == "cancelled"
        assert isinstance(row["tokens_in"], int) and row["tokens_in"] > 0
        if slowest[-1] <= _PROMPTLY:
            return
    raise AssertionError(f"let go after {min(slowest):.3f} s")


# C6


def _nested(depth: int, kind: str) -> bytes:
    opening, closing = ("[", "]") if kind == "lists" else ('{"a":', "}")
    inner = opening * depth + "1" + closing * depth
    return f'{{"model":"up/m","messages":[{{"role":"user","content":"x"}}],"x":{inner}}}'.encode()


@pytest.mark.fault("C6")
@pytest.mark.parametrize("kind", ["lists", "objects"])
@pytest.mark.parametrize("depth", [10, 100, 1_000, 10_000, 100_000, 5_000_000])
@pytest.mark.parametrize("path", [_CHAT, "/v1/messages"])
def test_depth_is_passed_or_refused_quickly(
    stage: Stage, upstream: ScriptedUpstream, path: str, depth: int, kind: str
) -> None:
    body = _nested(depth, kind)
    took = []
    for _ in range(3):
        began = time.monotonic()
        reply = stage.gateway.post(path, body)
        took.append(time.monotonic() - began)
        assert reply.status in ((200, 400) if depth > 10 else (200,)) or path == "/v1/messages"
        assert reply.status in (200, 400), reply
    assert min(took) < 0.1 + 3 * len(body) / 100e6, took
    assert stage.gateway.alive


# C7


ODD_JSON: dict[str, tuple[str, set[int]]] = {
    "the model twice": ('{"model":"up/m","model":"up/n","messages":[]}', {400}),
    "another member twice": ('{"model":"up/m","messages":[],"n":1,"n":2}', {200, 400}),
    "NaN": ('{"model":"up/m","messages":[],"temperature":NaN}', {400}),
    "Infinity": ('{"model":"up/m","messages":[],"temperature":Infinity}', {400}),
    "1e999": ('{"model":"up/m","messages":[],"temperature":1e999}', {200, 400}),
    "an integer of 5,000 digits": ('{"model":"up/m","messages":[],"seed":' + "9" * 5000 + "}", {200, 400}),
    "a lone surrogate": ('{"model":"up/m","messages":[{"role":"user","content":"\\ud800"}]}', {200, 400}),
    "a NUL in a string": ('{"model":"up/m","messages":[{"role":"user","content":"\\u0000"}]}', {200}),
    "a NUL in the model's name": ('{"model":"up/m\\u0000","messages":[]}', {400, 404}),
    "a byte order mark": ('\ufeff{"model":"up/m","messages":[]}', {400}),
    "a raw control character": ('{"model":"up/m","messages":[],"user":"\x01"}', {200, 400}),
}


@pytest.mark.fault("C7")
@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", ODD_JSON)
def test_odd_json_is_answered_as_the_table_says(
    stage: Stage, upstream: ScriptedUpstream, name: str, coding: str
) -> None:
    text, allowed = ODD_JSON[name]
    sent = text.encode(coding, "surrogatepass")
    reply = stage.gateway.post(_CHAT, sent)
    assert reply.status in (allowed if coding == "utf-8" else {400}), reply
    if reply.status == 200:
        (asked,) = upstream.asked()
        assert asked.body == sent.replace(b"up/m", b"m", 1), "what passes, passes as it came"
    else:
        assert reply.error()["message"] and not upstream.asked()


# C9, C10


@pytest.fixture
def descriptors(full: bool) -> Iterator[int]:
    """Return how many connections to hold; let this process have that many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 10_000 if full else 1_000
    wanted = min(wanted, hard - 500) if hard != resource.RLIM_INFINITY else wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 400), hard))
    yield wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.fault("C9")
def test_many_idle_and_half_sent_connections_cost_little_and_hold_up_nobody(
    descriptors: int, upstream: ScriptedUpstream, stage: Stage, report: Callable[[str], None]
) -> None:
    gateway = stage.gateway
    begun = b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "

    def median() -> float:
        times = []
        for _ in range(40):
            began = time.monotonic()
            assert stage.ask("up/m").status == 200
            times.append(time.monotonic() - began)
        return sorted(times)[20]

    alone = median()
    before = gateway.status_kib("VmRSS")
    with ExitStack() as stack:
        held = []
        for number in range(descriptors):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
            if number % 2:
                sock.sendall(begun)
            held.append(sock)
        assert stage.ask("up/m").status == 200, "who comes later is answered"
        each = (gateway.status_kib("VmRSS") - before) / len(held)
        beside = median()
    report(
        f"{len(held)} idle and half-sent connections: {each:.1f} KiB each; a request takes "
        f"{beside * 1000:.1f} ms beside them, {alone * 1000:.1f} ms alone"
    )
    assert each <= 12
    assert beside <= 1.2 * alone + 0.005


@pytest.mark.fault("C9")
def test_one_address_cannot_take_the_place_of_all(start: Start, upstream: ScriptedUpstream) -> None:
    targets = Targets()
    targets.add("up", upstream.url)
    gateway = start(targets, server="max_connections_per_peer = 20").gateway
    address = ("127.0.0.1", gateway.port)

    def answered(source: str) -> int:
        with socket.create_connection(address, timeout=10, source_address=(source, 0)) as sock:
            sock.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return int(sock.makefile("rb").readline().split()[1])

    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(socket.create_connection(address))
        with socket.create_connection(address, timeout=10) as surplus:
            told = surplus.makefile("rb").read()
        assert told.startswith(b"HTTP/1.1 503 ") and b"server.max_connections_per_peer" in told
        assert answered("127.0.0.2") == 200
    assert answered("127.0.0.1") == 200


@pytest.mark.fault("C10")
def test_a_storm_of_connections_and_junk_leaves_nothing_behind(
    upstream: ScriptedUpstream, stage: Stage, random: Random, full: bool
) -> None:
    gateway = stage.gateway
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(range(189))

    def storm(count: int) -> None:
        for number in range(count):
            with socket.create_connection(("127.0.0.1", gateway.port)) as sock:
                match number % 4:
                    case 0:
                        sock.sendall(hello)
                    case 1:
                        sock.sendall(random.randbytes(random.randrange(1, 2000)))
                    case 2:
                        sock.sendall(b"GET / HTTP/1.1\r\n")

    storm(500)
    before = gateway.status_kib("VmRSS")
    storm(20_000 if full else 2_000)
    assert stage.ask("up/m").status == 200
    assert gateway.status_kib("VmRSS") - before < 4 * 1024
    until = time.monotonic() + 10
    while len(os.listdir(f"/proc/{gateway.pid}/fd")) > 60 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(os.listdir(f"/proc/{gateway.pid}/fd")) <= 60


# C11


@pytest.mark.fault("C11")
def test_a_storm_of_wrong_keys_costs_no_look_up_and_holds_up_nobody(
    upstream: ScriptedUpstream, stage: Stage, full: bool
) -> None:
    gateway = stage.gateway
    reads = f"/proc/{gateway.pid}/io"

    def read_bytes() -> int:
        with open(reads, encoding="ascii") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("syscr"))

    body = gateway.chat_body("up/m")
    count = 20_000 if full else 2_000
    calls = read_bytes()
    with gateway.client() as storming, gateway.client() as other:
        for number in range(count):
            storming.send(request("POST", _CHAT, body=body, key=f"lgw_{number:040d}"))
            assert storming.read_reply().status == 401
            if number % 500 == 0:
                other.send(gateway.chat_request("up/m"))
                assert other.read_reply().status == 200
    # One read of the socket for each request, and nothing looked up on the disk.
    assert read_bytes() - calls < 1.5 * count


# C12


def _frame(first: int, payload: bytes, *, masked: bool = True) -> bytes:
    assert len(payload) < 126
    mask = b"\1\2\3\4"
    if not masked:
        return bytes([first, len(payload)]) + payload
    hidden = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return bytes([first, 0x80 | len(payload)]) + mask + hidden


MALFORMED_FRAMES: dict[str, tuple[bytes, int]] = {
    "reserved bits": (_frame(0x81 | 0x30, b"{}"), 1002),
    "a reserved opcode": (_frame(0x83, b"{}"), 1002),
    "not masked": (_frame(0x81, b"{}", masked=False), 1002),
    "a fragmented ping": (_frame(0x09, b""), 1002),
    "a ping of 200 bytes": (bytes([0x89, 0xFE, 0, 200]) + b"\1\2\3\4" + bytes(200), 1002),
    "a continuation of nothing": (_frame(0x80, b"{}"), 1002),
    "a message inside another one": (_frame(0x01, b"{") + _frame(0x81, b"}"), 1002),
    "text that is no UTF-8": (_frame(0x81, b"\xff\xfe"), 1007),
    "a close code that cannot be": (_frame(0x88, b"\x03\xe7"), 1002),
    "a close of one byte": (_frame(0x88, b"\x03"), 1002),
}


@pytest.mark.fault("C12")
@pytest.mark.parametrize("name", MALFORMED_FRAMES)
def test_a_malformed_frame_closes_the_websocket(stage: Stage, name: str) -> None:
    frames, code = MALFORMED_FRAMES[name]
    with RawClient(stage.gateway.port) as client:
        client.send(opening(key=stage.gateway.key))
        client.read_until(b"\r\n\r\n")
        head, _, rest = client.received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        client.received = rest
        client.send(frames)
        data, ended = client.read_to_end(5)
    closing = data.rfind(b"\x88")
    assert closing >= 0 and int.from_bytes(data[closing + 2 : closing + 4], "big") == code, data
    assert ended in ("closed", "reset")
    assert stage.gateway.get("/livez").status == 200


# C3


@pytest.mark.fault("C3")
def test_a_client_that_does_not_read_is_cut_at_the_deadline(start: Start, upstream: ScriptedUpstream) -> None:
    targets = Targets()
    targets.add("up", upstream.url)
    stage = start(targets, server="write_timeout = 1.0")
    event = chunk(chat.events("m", ["x" * 60_000])[1])
    upstream.queue((Send(stream_head()), Flood(event, 10_000)))
    with stage.gateway.client(receive_buffer=16 * 1024) as client:
        client.send(stage.gateway.chat_request("up/m", stream=True))
        upstream.wait_closed(upstream.wait_asked().connection, 15)
        until = time.monotonic() + 5
        while (row := stage.gateway.rows()[0])["status"] == "running":
            assert time.monotonic() < until
    assert row["status"] == "cancelled"
    assert isinstance(row["tokens_out"], int) and row["tokens_out"] > 0
