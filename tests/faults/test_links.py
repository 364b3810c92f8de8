"""Links that are wrong from the start, flap, or are played again: at a gateway's door for companions."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bridge_stage import HELLO, whole
from companion_place import BODY, Desk, Place, eventually, placed
from faults.certificates import Authority
from llm_gateway.companion.dialing import PATH, dial
from llm_gateway.companion.frames import Body, End, Hello, Open, Wrong, read_frame, write_frame
from llm_gateway.companion.identity import Identity, make
from llm_gateway.companion.introduction import Refused, introduce
from llm_gateway.companion.socket import Socket
from llm_gateway.tasks import Tasks

_FLAPS = 4


class Recorded:
    """A socket, and every message that was sent on it."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self.sent: list[bytes] = []

    def send(self, message: bytes) -> None:
        self.sent.append(message)
        self._socket.send(message)

    @property
    def blocked(self) -> bool:
        return self._socket.blocked

    async def drain(self) -> None:
        await self._socket.drain()

    async def receive(self) -> bytes | None:
        return await self._socket.receive()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._socket.close(code, reason)


# B2


@pytest.mark.fault("B2")
@pytest.mark.parametrize(
    ("versions", "upgrades"), [((9, 9), "upgrade the gateway"), ((0, 0), "upgrade the companion")]
)
def test_a_companion_of_another_version_is_told_which_one_to_upgrade(
    tmp_path: Path, versions: tuple[int, int], upgrades: str
) -> None:
    async def scene(place: Place) -> None:
        async with connect(f"ws://127.0.0.1:{place.port}{PATH}", proxy=None) as socket:
            await socket.send(write_frame(0, Hello(*versions, "llm_gateway/9.9", "f" * 64)))
            frame = read_frame(await socket.recv(decode=False))[1]
            assert isinstance(frame, Wrong) and frame.kind == "version_mismatch"
            assert upgrades in frame.message and "9.9" in frame.message
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 4406

    placed(tmp_path, scene)


# B3


@pytest.mark.fault("B3")
@pytest.mark.control("T7")
@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ("expired", "expired"),
        ("another name", "mismatch"),
        ("somebody's own", "self-signed"),
        ("another authority", "unable to get local issuer|certificate signature failure|self-signed"),
    ],
)
def test_a_certificate_that_is_not_right_opens_no_link(tmp_path: Path, wrong: str, cause: str) -> None:
    authority = Authority(tmp_path)
    (tmp_path / "other").mkdir()
    match wrong:
        case "expired":
            shown = authority.server(expired=True)
        case "another name":
            shown = authority.server("gateway.example")
        case "somebody's own":
            shown = authority.server(own=True)
        case _:
            shown = Authority(tmp_path / "other").server()
    refused, heard = asyncio.run(_dialled(authority, shown))
    assert refused is not None and refused.kind == "tls_failed" and not heard
    assert any(each in refused.message for each in cause.split("|")), refused.message


@pytest.mark.fault("B3")
@pytest.mark.control("T7")
def test_the_right_certificate_opens_one(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    refused, heard = asyncio.run(_dialled(authority, authority.server()))
    assert refused is None and heard == [b"hello"]


async def _dialled(authority: Authority, shown: ssl.SSLContext) -> tuple[Refused | None, list[bytes]]:
    """Dial a server that shows a certificate; return why there is no link, and what the server heard."""
    heard: list[bytes] = []

    async def hear(connection: ServerConnection) -> None:
        async for message in connection:
            assert isinstance(message, bytes)
            heard.append(message)
            await connection.send(message)

    tasks = Tasks(lambda _, error: None)
    trust = ssl.create_default_context(cafile=authority.file)
    async with serve(hear, "localhost", 0, ssl=shown, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        try:
            socket = await dial(f"wss://localhost:{port}{PATH}", tasks, trust)
        except Refused as refused:
            return refused, heard
        socket.send(b"hello")
        assert await socket.receive() == b"hello"
        await socket.close()
    await tasks.close()
    return None, heard


@pytest.mark.fault("B3")
def test_a_handshake_that_stalls_is_given_up(tmp_path: Path) -> None:
    async def run() -> Refused:
        async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(stall, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Refused) as caught:
            await dial(f"wss://127.0.0.1:{port}{PATH}", Tasks(lambda _, error: None))
        server.close()
        return caught.value

    refused = asyncio.run(asyncio.wait_for(run(), 6))
    assert refused.kind == "unreachable" and "does not answer" in refused.message


# B4


@pytest.mark.fault("B4")
def test_a_link_that_flaps_every_second(tmp_path: Path, report: Callable[[str], None]) -> None:
    """Four machines; each is asked between two cuts, and all are there when the flapping has an end."""

    async def scene(place: Place) -> None:
        desks = [await place.enrolled(f"mac{number}") for number in range(4)]
        answered = 0
        returns: list[float] = []
        for _ in range(_FLAPS):
            cut = asyncio.get_running_loop().time()
            seen: set[int] = set()
            place.listener._abort()
            await asyncio.sleep(0.01)
            while asyncio.get_running_loop().time() - cut < 1.0:
                for number, desk in enumerate(desks):
                    if number not in seen and _there(place, desk):
                        seen.add(number)
                        returns.append(asyncio.get_running_loop().time() - cut)
                        (engine,) = place.of(f"mac{number}")
                        answered += await whole(await engine.answer("turn", BODY, "m")) == HELLO
                await asyncio.sleep(0.005)
        assert answered >= _FLAPS, "somebody answers between two cuts"
        assert await eventually(lambda: len(place.hub.connected) == 4) < 5
        dials = place.logged.getvalue().count('"a companion is connected"')
        assert dials <= 4 * (_FLAPS + 1), "no more links than there were cuts"
        spread = sorted(returns)
        assert spread[-1] - spread[0] > 0.05, "not all at a time"
        latest = [now.state for now in desks[0].progress[-1:]]
        assert latest == ["connected"]
        report(
            f"B4: {_FLAPS} cuts of 4 links, a second apart: {answered} answers in between, "
            f"{dials - 4} dialled again, after {spread[0]:.2f} to {spread[-1]:.2f} s"
        )

    placed(tmp_path, scene)


def _there(place: Place, desk: Desk) -> bool:
    machine = desk.folder.name.removeprefix("desk-")
    found = [each for each in place.hub.connected.values() if each.row.machine == machine]
    return bool(found) and found[0].link.alive


# B8


@pytest.mark.fault("B8")
@pytest.mark.control("T18")
def test_a_handshake_that_was_recorded_opens_no_link(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        identity, token = make(place.url), (await place.registry.invite("mac")).token.reveal()
        for known, joins in ((identity, token), (identity, "")):
            said = await _introduced(place, known, joins)
            replayed = await dial(_address(place), place.tasks)
            for message in said:
                replayed.send(message)
            frames = [read_frame(message)[1] async for message in _all(replayed)]
            assert isinstance(frames[0], Hello), "another nonce than the one that was signed"
            wrong = frames[-1]
            assert isinstance(wrong, Wrong) and wrong.kind == "wrong_proof", wrong
            await replayed.close()
        assert not place.hub.connected
        refused = [each for each in place.ledger.audit.entries() if each.action == "companion.refused"]
        assert refused and refused[0].detail["kind"] == "wrong_proof"

    placed(tmp_path, scene)


async def _introduced(place: Place, identity: Identity, token: str) -> list[bytes]:
    """Introduce a companion to the gateway, and return what it said for that."""
    socket = Recorded(await dial(_address(place), place.tasks))
    await introduce(socket, identity, token, ("claude",))
    await socket.close()
    await eventually(lambda: not place.hub.connected)
    return socket.sent


async def _all(socket: Socket) -> AsyncIterator[bytes]:
    while (message := await socket.receive()) is not None:
        yield message


def _address(place: Place) -> str:
    return f"ws://127.0.0.1:{place.port}{PATH}"


@pytest.mark.fault("B8")
@pytest.mark.control("T18")
def test_a_request_that_was_recorded_is_asked_of_no_vendor_again(tmp_path: Path) -> None:
    """Whoever can put bytes into the link plays a whole turn again, as it was sent."""

    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        (connected,) = place.hub.connected.values()
        recorded = Recorded(connected.link._socket)
        connected.link._socket = recorded
        engine = place.hub.engines["claude"]
        assert await whole(await engine.answer("turn", BODY, "m")) == HELLO
        kinds = [type(read_frame(message)[1]) for message in recorded.sent]
        assert {Open, Body, End} <= set(kinds)
        for message in tuple(recorded.sent):
            recorded.send(message)
        await eventually(lambda: not connected.link.alive)
        assert len(desk.bridges["claude"].asked) == 1
        assert desk.journal.verify().lines == 2, "one turn is on record, begun and ended"
        await eventually(lambda: place.hub.connected)
        assert await whole(await engine.answer("turn", BODY, "m")) == HELLO

    placed(tmp_path, scene)
