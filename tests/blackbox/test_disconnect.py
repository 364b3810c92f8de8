"""A client that goes away: its upstream is let go within 100 ms, and what was used is accounted."""

import time
from pathlib import Path

import pytest

from faults.asking import DIALECTS, Asking
from gateway_process import GatewayProcess, configuration
from scripted import Flood, Gate, Hang, Script, ScriptedUpstream, Send, chat, faults, wording

_PROMPTLY = 0.1
_BEGUN: Script = (
    Send(wording.stream_head()),
    *(Send(wording.chunk(event)) for event in chat.events("m", ["eins ", "zwei "], done=False)),
)


def wait_outcome(gateway: GatewayProcess, request_id: str | None) -> dict[str, object]:
    """Return the row of a request once it is settled; the client is gone, so nobody tells when."""
    until = time.monotonic() + 5
    while (row := gateway.row(request_id))["status"] == "running":
        assert time.monotonic() < until, f"still running: {row}"
        time.sleep(0.01)
    return row


@pytest.mark.fault("C1")
@pytest.mark.parametrize("how", ["close", "reset"])
def test_leaving_a_quiet_stream_cancels_its_upstream(
    gateway: GatewayProcess, upstream: ScriptedUpstream, how: str
) -> None:
    upstream.queue((*_BEGUN, Hang()))
    with gateway.client() as client:
        client.send(gateway.chat_request("scripted/m", stream=True))
        client.read_until(b"zwei")
        request_id = client.head().header("x-llm-gateway-request-id")
        connection = upstream.wait_asked().connection
        left = time.monotonic()
        client.reset() if how == "reset" else client.sock.close()
        closed = upstream.wait_closed(connection)
    assert closed - left <= _PROMPTLY
    row = wait_outcome(gateway, request_id)
    assert row["status"] == "cancelled"
    assert isinstance(row["tokens_out"], int) and row["tokens_out"] > 0, "what was sent counts"


@pytest.mark.fault("C1")
@pytest.mark.parametrize("dialect", DIALECTS)
def test_leaving_a_quiet_stream_is_noticed_in_every_dialect(
    gateway: GatewayProcess, upstream: ScriptedUpstream, dialect: str
) -> None:
    upstream.queue((*_BEGUN, Hang()))
    with gateway.client() as client:
        client.send(Asking(dialect, "scripted/m", True).request(gateway.key))
        client.read_until(b"zwei")
        connection = upstream.wait_asked().connection
        left = time.monotonic()
        client.sock.close()
        closed = upstream.wait_closed(connection)
    assert closed - left <= _PROMPTLY


@pytest.mark.fault("C1")
def test_an_answer_is_read_on_where_that_is_set(tmp_path: Path) -> None:
    settings = '[routing]\non_disconnect = "finish"\nfinish_seconds = 20.0'
    events = chat.events("m", ["eins ", "zwei "])
    rest = (*(Send(wording.chunk(event)) for event in events[3:]), Send(wording.LAST_CHUNK))
    with ScriptedUpstream(("m",)) as upstream:
        upstream.queue((*_BEGUN, Gate("rest"), *rest), (*_BEGUN, Hang()))
        with GatewayProcess(tmp_path, configuration(upstream.url, more=settings)) as gateway:
            for number in (1, 2):
                with gateway.client() as client:
                    client.send(gateway.chat_request("scripted/m", stream=True))
                    client.read_until(b"zwei")
                    upstream.wait_asked(number)
                    client.reset()
                if number == 1:
                    time.sleep(0.2)
                    assert gateway.rows()[0]["status"] == "running", "it is gone on with"
                    upstream.open("rest")
                    row = wait_outcome(gateway, str(gateway.rows()[0]["id"]))
                    assert (row["status"], row["tokens_in"], row["tokens_out"]) == ("cancelled", 40, 12)
                    assert row["estimated"] is False
            began = time.monotonic()
            gateway.stop()
            assert time.monotonic() - began < 5, "a stop does not wait for what nobody waits for"
            gateway.start()
            row = gateway.rows()[0]
            assert (row["status"], row["estimated"]) == ("cancelled", True)


@pytest.mark.fault("C1")
def test_leaving_a_busy_stream_cancels_its_upstream(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    event = wording.chunk(chat.events("m", ["x" * 500], usage=None)[1])
    upstream.queue((Send(wording.stream_head()), Flood(event, 1_000_000)))
    with gateway.client() as client:
        client.send(gateway.chat_request("scripted/m", stream=True))
        client.read_until(b"xxxx")
        request_id = client.head().header("x-llm-gateway-request-id")
        connection = upstream.wait_asked().connection
        left = time.monotonic()
        client.reset()
        closed = upstream.wait_closed(connection)
    assert closed - left <= _PROMPTLY
    assert wait_outcome(gateway, request_id)["status"] == "cancelled"


@pytest.mark.fault("C1")
@pytest.mark.parametrize("stream", [False, True])
def test_leaving_before_the_answer_cancels_its_upstream(
    gateway: GatewayProcess, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.queue(faults.never())
    with gateway.client() as client:
        client.send(gateway.chat_request("scripted/m", stream=stream))
        connection = upstream.wait_asked().connection
        left = time.monotonic()
        client.reset()
        closed = upstream.wait_closed(connection)
    assert closed - left <= _PROMPTLY
    row = gateway.rows()[0]
    assert wait_outcome(gateway, str(row["id"]))["status"] == "cancelled"


@pytest.mark.fault("C1")
def test_leaving_in_the_middle_of_a_whole_answer_cancels_its_upstream(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    answer = wording.response(200, chat.completion("m"))
    upstream.queue((Send(answer[:-50]), Hang()))
    with gateway.client() as client:
        client.send(gateway.chat_request("scripted/m"))
        connection = upstream.wait_asked().connection
        left = time.monotonic()
        client.reset()
        closed = upstream.wait_closed(connection)
    assert closed - left <= _PROMPTLY


@pytest.mark.fault("C2")
def test_a_client_that_only_stopped_sending_gets_its_whole_answer(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    script = chat.stream(chat.events("m"))
    upstream.queue((*script[:2], Gate("half-closed"), *script[2:]))
    with gateway.client() as client:
        client.send(gateway.chat_request("scripted/m", stream=True))
        upstream.wait_gate("half-closed")
        client.stop_sending()
        upstream.open("half-closed")
        events = [event for event in client.read_reply().events() if not event.startswith(b":")]
    assert events[-1] == b"[DONE]"
    assert gateway.rows()[0]["status"] == "ok"


@pytest.mark.fault("C1")
def test_a_hundred_clients_that_leave_at_once_leave_nothing_open(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    for _ in range(100):
        upstream.queue((*_BEGUN, Hang()))
    clients = [gateway.client() for _ in range(100)]
    for client in clients:
        client.send(gateway.chat_request("scripted/m", stream=True))
    for client in clients:
        client.read_until(b"zwei")
    upstream.wait_asked(100)
    left = time.monotonic()
    for client in clients:
        client.reset()
    slowest = max(upstream.wait_closed(request.connection) for request in upstream.asked())
    assert slowest - left <= _PROMPTLY
