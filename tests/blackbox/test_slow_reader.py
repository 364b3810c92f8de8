"""A client that stops reading: the gateway holds little, its upstream is held back, nothing is lost."""

import time
from collections.abc import Callable

from gateway_process import GatewayProcess
from scripted import Connected, Flood, ScriptedUpstream, Send, chat, wording

_EVENT = chat.events("m", ["x" * 65_000], usage=None)[1]
_COUNT = 1024
_MIB = 1024 * 1024
_ALLOWED = 4 * _MIB


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


def test_a_client_that_stops_reading_holds_at_most_4_mib(
    gateway: GatewayProcess, upstream: ScriptedUpstream, report: Callable[[str], None]
) -> None:
    ending = b"".join(chat.events("m", ["."], usage=None)[-2:])
    flood = Flood(wording.chunk(_EVENT), _COUNT)
    for _ in range(20):
        assert gateway.chat("scripted/warm", stream=True).status == 200
    upstream.forget()
    upstream.queue(
        (Send(wording.stream_head()), flood, Send(wording.chunk(ending)), Send(wording.LAST_CHUNK))
    )
    before = gateway.status_kib("VmRSS")
    with gateway.client(timeout=30, receive_buffer=16 * 1024) as client:
        client.send(gateway.chat_request("scripted/m", stream=True))
        client.read_until(b"\r\n\r\n")
        sent = wait_stalled(upstream.wait_asked().connection)
        held = (gateway.status_kib("VmRSS") - before) * 1024
        kernel = gateway.kernel_bytes()
        client.take_more(4 * _MIB)
        reply = client.read_long_stream()
    report(
        f"slow reader: gateway +{held / _MIB:.2f} MiB in memory, {kernel / _MIB:.2f} MiB in the "
        f"kernel's buffers for it; the upstream was held back after {sent / _MIB:.2f} MiB"
    )
    assert held <= _ALLOWED
    assert reply.whole and reply.body == _EVENT * _COUNT + ending
    assert (gateway.status_kib("VmRSS") - before) * 1024 <= _ALLOWED, "nor does it keep anything afterwards"
