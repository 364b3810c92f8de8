"""A listener hands over: nothing that a client sent is lost, and nothing is said to it."""

import asyncio
import importlib
import resource
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from certificate import self_signed
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.handover import Inherited
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener
from llm_gateway.http.server import Connection, Handler
from websocket_peer import opening, websocket

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
WAIT = GET.replace(b"/", b"/wait", 1)
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
_LARGE = b"." * 4_000_000 + b"the end"
Loop = Callable[[], asyncio.AbstractEventLoop]
LOOPS: dict[str, Loop] = {  # the gateway's, and that of systems without uvloop
    "asyncio": asyncio.new_event_loop,
    "uvloop": importlib.import_module("uvloop").new_event_loop,
}


async def settle() -> None:
    """Let the loop look for what has come, often enough for everything to be where it belongs."""
    for _ in range(20):
        await asyncio.sleep(0.001)


class Client:
    """A client that says what it is told to and never closes by itself."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.sock.setblocking(False)

    async def say(self, data: bytes) -> None:
        """Send bytes, and let the other side have them."""
        await asyncio.get_running_loop().sock_sendall(self.sock, data)
        await settle()

    async def hear(self, end: bytes) -> bytes:
        """Read up to this end; AssertionError when the connection closes before."""
        heard = b""
        while not heard.endswith(end):
            data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.sock, 65536), 5)
            assert data, f"closed behind {heard!r}"
            heard += data
        return heard

    async def hear_the_end(self) -> bytes:
        """Read up to the close."""
        heard = b""
        while data := await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.sock, 65536), 5):
            heard += data
        return heard

    @property
    def hears_nothing(self) -> bool:
        """Whether nothing has come, no close either."""
        try:
            self.sock.recv(1)
        except BlockingIOError:
            return True
        return False


class Scene:
    """A listener that is going to leave, and the one that comes after it."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.served: list[str] = []
        self.before = Listener(self._answering("before"), lambda error: (b"", b"refused"), Limits())
        self.after = Listener(self._answering("after"), lambda error: (b"", b"refused"), Limits())
        self.port = 0
        self.clients: list[Client] = []

    def client(self) -> Client:
        """Return a new one."""
        self.clients.append(Client(self.port))
        return self.clients[-1]

    async def hand_over(self, drain: float = 5.0) -> Inherited:
        """Let the first listener go, and the second one go on."""
        kept = await self.before.hand_over(drain, lambda: False)
        assert kept is not None
        await self.before.close(0)
        await self.go_on(kept)
        return kept

    async def go_on(self, kept: Inherited) -> None:
        """Let the second one go on with what was kept."""
        await self.after.use(kept.bound)
        await self.after.accept()
        for each in kept.connections:
            await self.after.adopt(each)

    def _answering(self, name: str) -> Handler:
        async def answer(exchange: Exchange) -> None:
            self.served.append(name)
            body = await exchange.body(1000)
            if exchange.target == b"/wait":
                exchange.begin(200, b"", b"begun ")
                await self.gate.wait()
                exchange.end(name.encode())
            elif exchange.target == b"/socket":
                websocket = exchange.accept_websocket()
                while await websocket.receive() is not None:
                    pass
                await websocket.close(websocket.farewell)
            elif exchange.target == b"/large":
                exchange.respond(200, b"", _LARGE)
            else:
                exchange.respond(200, b"", body + name.encode())

        return answer


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """Return a scene whose first listener is open."""
    made = Scene()
    made.port = await made.before.listen("127.0.0.1", 0)
    try:
        yield made
    finally:
        for client in made.clients:
            client.sock.close()
        await made.before.close(0)
        await made.after.close(0)


def on(loop: str, play: Callable[[Scene], Awaitable[None]]) -> None:
    """Play on a kind of loop."""

    async def run() -> None:
        async with scene() as made:
            await play(made)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(run())


@pytest.mark.parametrize("loop", LOOPS)
def test_what_rests_goes_on_and_sees_nothing(loop: str) -> None:
    async def play(scene: Scene) -> None:
        resting, fresh = scene.client(), scene.client()
        await resting.say(GET)
        assert b"connection:" not in await resting.hear(b"before")
        kept = await scene.hand_over()
        assert len(kept.connections) == 2 == scene.after.connections
        assert resting.hears_nothing and fresh.hears_nothing
        for client in (resting, fresh):
            await client.say(GET)
            await client.hear(b"after")

    on(loop, play)


@pytest.mark.parametrize("loop", LOOPS)
def test_what_is_sent_meanwhile_and_who_comes_waits(loop: str) -> None:
    async def play(scene: Scene) -> None:
        busy, resting = scene.client(), scene.client()
        await busy.say(WAIT)
        handing = asyncio.ensure_future(scene.hand_over())
        await settle()
        comes = scene.client()
        for client in (resting, comes):
            await client.say(GET)
        assert scene.served == ["before"]
        assert resting.hears_nothing and comes.hears_nothing
        scene.gate.set()
        kept = await handing
        assert len(kept.connections) == 2
        answer = await busy.hear(b"begun \r\n6\r\nbefore\r\n0\r\n\r\n")
        assert b"connection:" not in answer, "nobody is told to leave"
        await busy.say(GET)
        for client in (resting, comes, busy):
            await client.hear(b"after")

    on(loop, play)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("split", [1, len(POST) - 4, len(POST) - 1])
def test_a_request_that_has_begun_to_come_is_answered_before(loop: str, split: int) -> None:
    async def play(scene: Scene) -> None:
        client = scene.client()
        await client.say(POST[:split])
        handing = asyncio.ensure_future(scene.hand_over())
        await settle()
        await client.say(POST[split:])
        await client.hear(b"bodybefore")
        await handing
        await client.say(POST)
        await client.hear(b"bodyafter")

    on(loop, play)


@pytest.mark.parametrize("loop", LOOPS)
def test_requests_that_were_read_already_are_answered_before(loop: str) -> None:
    async def play(scene: Scene) -> None:
        client = scene.client()
        await client.say(WAIT + POST)
        handing = asyncio.ensure_future(scene.hand_over())
        await settle()
        scene.gate.set()
        await client.hear(b"bodybefore")
        assert len((await handing).connections) == 1

    on(loop, play)


@pytest.mark.parametrize("loop", LOOPS)
def test_what_outlasts_the_limit_is_cut_and_what_rests_is_not(loop: str) -> None:
    async def play(scene: Scene) -> None:
        busy, half, resting = scene.client(), scene.client(), scene.client()
        await busy.say(WAIT)
        await half.say(GET[:5])
        await resting.say(GET)
        await resting.hear(b"before")
        handing = asyncio.ensure_future(scene.hand_over(drain=0.1))
        await settle()
        await resting.say(GET)
        assert (await busy.hear_the_end()).endswith(b"begun \r\n")
        assert len((await handing).connections) == 1
        await resting.hear(b"after")

    on(loop, play)


@pytest.mark.parametrize("loop", LOOPS)
def test_an_answer_that_is_not_taken_yet_stays_behind_nothing(loop: str) -> None:
    async def play(scene: Scene) -> None:
        slow = scene.client()
        await slow.say(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        handing = asyncio.ensure_future(scene.hand_over())
        await settle()
        assert not handing.done()
        await slow.hear(b"the end")
        await handing
        await slow.say(GET)
        await slow.hear(b"after")

    on(loop, play)


@pytest.mark.parametrize("loop", LOOPS)
def test_who_asks_for_a_close_gets_it(loop: str) -> None:
    async def play(scene: Scene) -> None:
        client = scene.client()
        await client.say(WAIT.replace(b"Host", b"Connection: close\r\nHost"))
        handing = asyncio.ensure_future(scene.hand_over())
        await settle()
        scene.gate.set()
        assert (await client.hear_the_end()).endswith(b"0\r\n\r\n")
        assert (await handing).connections == ()

    on(loop, play)


@pytest.mark.parametrize("loop", LOOPS)
def test_clients_that_have_left_are_no_trouble(loop: str) -> None:
    async def play(scene: Scene) -> None:
        gone, reset = scene.client(), scene.client()
        for client in (gone, reset):
            await client.say(GET)
            await client.hear(b"before")
        reset.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handing = asyncio.ensure_future(scene.before.hand_over(1.0, lambda: False))
        await asyncio.sleep(0)
        gone.sock.close()
        reset.sock.close()
        kept = await handing
        assert kept is not None
        await scene.go_on(kept)
        await settle()
        assert scene.after.connections == 0

    on(loop, play)


@pytest.mark.parametrize("loop", LOOPS)
def test_told_to_stop_meanwhile_it_stops(loop: str) -> None:
    async def play(scene: Scene) -> None:
        busy, resting = scene.client(), scene.client()
        await busy.say(WAIT)
        stopped = asyncio.Event()
        handing = asyncio.ensure_future(scene.before.hand_over(5.0, stopped.is_set))
        await settle()
        stopped.set()
        assert await handing is None
        closing = asyncio.ensure_future(scene.before.close(5.0))
        assert await resting.hear_the_end() == b""
        scene.gate.set()
        assert (await busy.hear_the_end()).endswith(b"0\r\n\r\n")
        await closing
        with pytest.raises(ConnectionRefusedError):
            scene.client()

    on(loop, play)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_websocket_is_closed_for_a_restart(loop: str) -> None:
    async def play(scene: Scene) -> None:
        async with websocket(scene.port, opening("/socket")) as peer:
            handing = asyncio.ensure_future(scene.hand_over())
            assert (await peer.closed())[0] == 1012
            peer.writer.close()
            assert (await handing).connections == ()

    on(loop, play)


@pytest.mark.parametrize("loop", LOOPS)
def test_tls_cannot_be_handed_over(loop: str, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))

    async def play(scene: Scene) -> None:
        port = await scene.before.bind("127.0.0.1", 0, tls)
        await scene.before.accept()
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
        resting, _ = await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
        writer.write(WAIT)
        await reader.readuntil(b"begun ")
        handing = asyncio.ensure_future(scene.before.hand_over(5.0, lambda: False))
        assert await asyncio.wait_for(resting.read(), 5) == b""
        scene.gate.set()
        assert (await reader.read()).endswith(b"0\r\n\r\n")
        kept = await handing
        assert kept is not None and kept.connections == () and len(kept.bound) == 2
        for each in kept.bound:
            each.close()
        writer.close()

    on(loop, play)


@pytest.mark.parametrize("loop", LOOPS)
def test_without_descriptors_connections_are_closed(loop: str) -> None:
    async def play(scene: Scene) -> None:
        client = scene.client()
        await client.say(GET)
        await client.hear(b"before")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        handing = asyncio.ensure_future(scene.before.hand_over(5.0, lambda: False))
        await asyncio.sleep(0)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            kept = await handing
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert kept is not None and kept.connections == ()
        for each in kept.bound:
            each.close()

    on(loop, play)


@pytest.mark.parametrize("loop", LOOPS)
def test_the_last_piece_of_an_answer_is_sent_before_its_connection_goes(loop: str) -> None:
    """What is written is sent at the end of the loop's turn; who looks before that must see it."""

    class Watched(Listener):
        def joined(self, connection: Connection, peer: str) -> bool:
            self.connection = connection
            return super().joined(connection, peer)

    async def play(scene: Scene) -> None:
        async def answer(exchange: Exchange) -> None:
            exchange.respond(200, b"", b"the end")
            assert listener.connection.rests
            given.set_result(listener.connection.give_away())

        given = asyncio.get_running_loop().create_future()
        listener = Watched(answer, lambda error: (b"", b""), Limits())
        scene.port = await listener.listen("127.0.0.1", 0)
        client = scene.client()
        await client.say(GET)
        await client.hear(b"the end")
        (await given).close()
        await listener.close(0)

    on(loop, play)
