"""A link on another site's page leads to our pages, in a window of their own, and to nothing else."""

import asyncio
from pathlib import Path

import pytest

from llm_gateway.config import Server
from llm_gateway.errors import Forbidden, Misdirected
from llm_gateway.server.guard import Guard, is_arrival
from llm_gateway.server.routes import Route
from llm_gateway.wire.headers import Headers
from server_stage import Door
from sign_in_stage import Lobby, hello, in_a_lobby

ARRIVING = {
    "Accept": "text/html",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}


def fields(**changes: str) -> Headers:
    told = {name.lower(): text for name, text in ARRIVING.items()} | {
        name.replace("_", "-"): text for name, text in changes.items()
    }
    return [(name.encode(), text.encode()) for name, text in told.items() if text]


@pytest.mark.parametrize(
    ("changes", "arrives"),
    [
        ({}, True),
        ({"sec_fetch_site": "same-site"}, True),
        ({"sec_fetch_site": "same-origin"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"sec_fetch_site": ""}, False),
        ({"sec_fetch_mode": "no-cors"}, False),
        ({"sec_fetch_mode": "cors"}, False),
        ({"sec_fetch_mode": "websocket"}, False),
        ({"sec_fetch_mode": ""}, False),
        ({"sec_fetch_dest": "iframe"}, False),
        ({"sec_fetch_dest": "embed"}, False),
        ({"sec_fetch_dest": "image"}, False),
        ({"sec_fetch_dest": ""}, False),
    ],
)
def test_what_an_arrival_is(changes: dict[str, str], arrives: bool) -> None:
    assert is_arrival(fields(**changes)) is arrives


def test_two_that_say_different_things_are_none() -> None:
    assert not is_arrival([*fields(), (b"sec-fetch-dest", b"iframe")])
    assert is_arrival([*fields(), (b"sec-fetch-dest", b"document")])


def test_host_and_origin_count_for_an_arrival_too() -> None:
    guard = Guard(Server())
    host = (b"host", b"127.0.0.1:8787")
    guard.check([host, *fields()], arriving=True)
    with pytest.raises(Misdirected):
        guard.check([(b"host", b"evil.test"), *fields()], arriving=True)
    with pytest.raises(Forbidden):
        guard.check([host, *fields(), (b"origin", b"http://evil.test")], arriving=True)
    with pytest.raises(Forbidden):
        guard.check([host, *fields()])


@pytest.mark.control("T4")
def test_an_arrival_comes_to_the_sign_in_and_nowhere_else(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        statuses = {
            (method, kind): (await lobby.ask(method, f"/{kind}", ARRIVING)).status
            for kind in ("open", "key", "dashboard", "page", "owner")
            for method in ("GET", "HEAD", "POST", "DELETE")
        }
        assert {place for place, status in statuses.items() if status != 403} == {("GET", "page")}
        reply = await lobby.ask("GET", "/page?a=b", ARRIVING)
        assert (reply.status, reply.header("location")) == (303, "/sign-in?next=%2Fpage%3Fa%3Db")
        assert (await lobby.ask("GET", "/nowhere", ARRIVING)).status == 403
        assert (await lobby.ask("GET", "/page", {**ARRIVING, "Sec-Fetch-Dest": "iframe"})).status == 403
        listed = {**ARRIVING, "Origin": "http://evil.test"}
        assert (await lobby.ask("GET", "/page", listed)).status == 403

    in_a_lobby(tmp_path, scene)


def test_pages_below_a_path_are_pages_too() -> None:
    door = Door(
        Route("GET", "/requests/{}", hello, "One", "page"),
        Route("GET", "/files/{}", hello, "Files", "open"),
        Route("GET", "/hello", hello, "Hello", "open", arrival=True),
    )

    def status(target: str) -> int:
        headers = [(name.lower().encode(), text.encode()) for name, text in ARRIVING.items()]
        return asyncio.run(door.ask(target, *headers)).status

    assert [status(target) for target in ("/requests/a", "/files/a", "/hello", "/a")] == [303, 403, 200, 403]
