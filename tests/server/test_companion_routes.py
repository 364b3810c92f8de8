"""Companions dial in at one path, no page does; their machines are invited, listed, paused and revoked."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from companion_place import Place, eventually, placed
from llm_gateway.companion.frames import Hello, Ping, Wrong, read_frame, write_frame
from rawhttp import Reply, parse_replies

PATH = "/bridge/v1/connect"


async def api(place: Place, method: str, path: str, body: object = None, token: str = "owner") -> Reply:
    data = b"" if body is None else msgspec.json.encode(body)
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    writer.write(
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{place.port}\r\nAuthorization: Bearer {token}\r\n"
        f"Connection: close\r\nContent-Length: {len(data)}\r\n\r\n".encode()
        + data
    )
    told = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    (reply,) = parse_replies(told)
    return reply


async def listed(place: Place) -> list[dict[str, object]]:
    found = (await api(place, "GET", "/api/companions")).json()["companions"]
    assert isinstance(found, list)
    return found


def test_a_machine_from_its_invitation_to_its_end(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        wanted = {"machine": "mac", "person": "anna", "bridges": ["claude", "codex"]}
        made = await api(place, "POST", "/api/companions", wanted)
        assert made.status == 201 and made.json()["lasts_seconds"] == 600
        (invited,) = await listed(place)
        assert (invited["status"], invited["machine"], invited["person"]) == ("invited", "mac", "anna")
        desk = place.desk("mac")
        desk.start(str(made.json()["token"]))
        await eventually(lambda: any(each.offered for each in place.of("mac")))
        (row,) = await listed(place)
        assert row["status"] == "connected" and row["bridges"] == ["claude", "codex"]
        assert row["offers"] == [{"bridge": "claude", "provider": "claude@mac", "state": "ok", "reason": ""}]
        assert str(row["software"]).startswith("llm_gateway/")
        assert (await api(place, "POST", "/api/companion-pauses/mac")).status == 200
        await eventually(lambda: place.hub.engines["claude@mac"].health.state == "disabled")
        assert (await listed(place))[0]["paused"] is True
        assert (await api(place, "POST", "/api/companions", wanted)).status == 400
        assert (await api(place, "DELETE", "/api/companions/mac")).status == 200
        await eventually(lambda: desk.progress[-1].kind == "revoked")
        assert (await listed(place))[0]["status"] == "revoked"
        assert (await api(place, "DELETE", "/api/companions/mac")).status == 404
        assert (await api(place, "POST", "/api/companion-pauses/mac")).status == 404

    placed(tmp_path, scene)


@pytest.mark.parametrize("body", [{}, {"machine": 1}, {"machine": "a/b"}, {"machine": "x", "else": 1}])
def test_what_is_no_invitation(tmp_path: Path, body: object) -> None:
    async def scene(place: Place) -> None:
        assert (await api(place, "POST", "/api/companions", body)).status == 400

    placed(tmp_path, scene)


def test_machines_are_the_owners_business(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        for method, path in (("GET", "/api/companions"), ("DELETE", "/api/companions/mac")):
            assert (await api(place, method, path, token="guess")).status == 401

    placed(tmp_path, scene)


@pytest.mark.control("T4")
@pytest.mark.parametrize(
    "origin", ["https://evil.test", "http://127.0.0.1:{port}", "null", "chrome-extension://abc"]
)
def test_no_page_of_any_origin_dials_in(tmp_path: Path, origin: str) -> None:
    async def scene(place: Place) -> None:
        fields = {"Origin": origin.format(port=place.port)}
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"ws://127.0.0.1:{place.port}{PATH}", additional_headers=fields, proxy=None)
        assert caught.value.response.status_code == 403

    placed(tmp_path, scene)


def test_another_name_and_another_path_open_nothing(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with connect(f"ws://127.0.0.1:{place.port}{PATH}", proxy=None) as socket:
            await socket.send(write_frame(0, Ping()))
            frame = read_frame(await socket.recv(decode=False))[1]
            assert isinstance(frame, Wrong) and frame.kind == "broken"
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 4401
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"ws://127.0.0.1:{place.port}/bridge/v1/other", proxy=None)
        assert caught.value.response.status_code == 426
        assert (await api(place, "GET", PATH)).status == 404

    placed(tmp_path, scene)


def test_text_is_no_frame(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with connect(f"ws://127.0.0.1:{place.port}{PATH}", proxy=None) as socket:
            await socket.send(json.dumps({"hello": 1}))
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 1003

    placed(tmp_path, scene)


def test_only_so_many_wait_who_have_not_said_who_they_are(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        address = f"ws://127.0.0.1:{place.port}{PATH}"
        sockets = [await connect(address, proxy=None) for _ in range(64)]
        with pytest.raises(InvalidStatus) as caught:
            await connect(address, proxy=None)
        assert caught.value.response.status_code == 503
        await sockets[0].send(write_frame(0, Hello(1, 1, "x", "y")))
        for socket in sockets:
            await socket.close()
        await asyncio.sleep(0.05)
        await (await connect(address, proxy=None)).close()

    placed(tmp_path, scene)
