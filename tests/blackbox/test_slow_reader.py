"""A client that stops reading: the gateway holds little, its upstream is held back, nothing is lost."""

import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from gateway_process import GatewayProcess
from scripted import Connected, Flood, Script, ScriptedUpstream, Send, chat, wording

_EVENT = chat.events("m", ["x" * 65_000], usage=None)[1]
_ENDING = b"".join(chat.events("m", ["."], usage=None)[-2:])
_COUNT = 512
_READERS = 4
_MIB = 1024 * 1024
_ALLOWED = 4 * _MIB


def flood(count: int) -> Script:
    """Return a stream of `count` large events, as fast as it is taken."""
    events = Flood(wording.chunk(_EVENT), count)
    return (Send(wording.stream_head()), events, Send(wording.chunk(_ENDING)), Send(wording.LAST_CHUNK))


def wait_stalled(connection: Connected) -> int:
    """Return how much was sent once nothing more has gone out for half a second."""
    sent, since = connection.sent, time.monotonic()
    until = since + 30
    while time.monotonic() < until:
        time.sleep(0.02)  # nobody can tell that something does not happen
        if connection.sent != sent:
            sent, since = connection.sent, time.monotonic()
        elif time.monotonic() - since > 0.5:
            return sent
    raise AssertionError("the upstream was never held back")


@pytest.mark.fault("C3")
def test_a_client_that_stops_reading_holds_at_most_4_mib(
    gateway: GatewayProcess, upstream: ScriptedUpstream, report: Callable[[str], None]
) -> None:
    upstream.queue(flood(100))  # an ordinary reader first: what the allocator keeps is not the slow one's
    assert gateway.chat("scripted/warm", stream=True).status == 200
    upstream.forget()
    upstream.queue(*[flood(_COUNT)] * _READERS)
    before = gateway.status_kib("VmRSS")
    with ExitStack() as stack:
        clients = []
        for _ in range(_READERS):
            client = stack.enter_context(gateway.client(timeout=30, receive_buffer=16 * 1024))
            client.send(gateway.chat_request("scripted/m", stream=True))
            client.read_until(b"\r\n\r\n")
            clients.append(client)
        upstream.wait_asked(_READERS)
        sent = max(wait_stalled(request.connection) for request in upstream.asked())
        held = (gateway.status_kib("VmRSS") - before) * 1024 / _READERS
        kernel = gateway.kernel_bytes() / _READERS
        for client in clients:
            client.take_more(4 * _MIB)
            reply = client.read_long_stream()
            assert reply.whole and reply.body == _EVENT * _COUNT + _ENDING
    report(
        f"slow reader: {held / _MIB:.2f} MiB of the gateway's memory each, {kernel / _MIB:.2f} MiB in the "
        f"kernel's buffers for it; its upstream was held back after {sent / _MIB:.2f} MiB"
    )
    assert held + kernel <= _ALLOWED
