"""What is put into an outbox in one turn of the loop goes out at its end, in order; much goes out at once."""

import asyncio
from collections.abc import Callable

from llm_gateway.http.outbox import Outbox


class Transport(asyncio.Transport):
    """A transport that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing


def play(scene: Callable[[Outbox, Transport], None]) -> Transport:
    """Run a scene within one turn of a loop, then let the loop turn."""
    transport = Transport()

    async def run() -> None:
        scene(Outbox(asyncio.get_running_loop()), transport)
        await asyncio.sleep(0)

    asyncio.run(run())
    return transport


def test_everything_goes_out_in_order_when_the_turn_ends() -> None:
    def scene(outbox: Outbox, transport: Transport) -> None:
        outbox.write(transport, b"one")
        outbox.write(transport, b"two")
        assert transport.written == []

    assert play(scene).written == [b"one", b"two"]


def test_much_goes_out_at_once() -> None:
    def scene(outbox: Outbox, transport: Transport) -> None:
        outbox.write(transport, b"small")
        outbox.write(transport, b"x" * 70_000)
        assert len(transport.written) == 2
        outbox.write(transport, b"later")

    assert play(scene).written[-1] == b"later"


def test_what_is_asked_for_now_goes_out_now_and_once() -> None:
    def scene(outbox: Outbox, transport: Transport) -> None:
        outbox.write(transport, b"last words")
        outbox.flush()
        assert transport.written == [b"last words"]

    assert play(scene).written == [b"last words"]


def test_nothing_is_written_to_a_connection_that_closes() -> None:
    def scene(outbox: Outbox, transport: Transport) -> None:
        outbox.write(transport, b"in vain")
        transport.closing = True

    assert play(scene).written == []


def test_what_waits_for_a_connection_is_known() -> None:
    def scene(outbox: Outbox, transport: Transport) -> None:
        assert not outbox.holds(transport)
        outbox.write(transport, b"one")
        assert outbox.holds(transport) and not outbox.holds(Transport())
        outbox.flush()
        assert not outbox.holds(transport)

    play(scene)
