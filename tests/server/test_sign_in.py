"""Signing in and out: by a link once, by the token, to a path of ours; and what is signed in can be ended."""

from pathlib import Path

import pytest

from llm_gateway.ledger.dashboard_sessions import How
from rawhttp import Reply
from server_stage import DASHBOARD, OWNER, home_files
from sign_in_stage import URL, Lobby, cookie_of, in_a_lobby

OWNERS = {"Authorization": f"Bearer {OWNER}"}
TOKEN = {"Authorization": f"Bearer {DASHBOARD}"}


def rows(reply: Reply) -> list[dict[str, object]]:
    assert reply.status == 200
    found = reply.json()["sessions"]
    assert isinstance(found, list)
    return found


async def listed(lobby: Lobby, fields: dict[str, str]) -> list[dict[str, object]]:
    return rows(await lobby.ask("GET", "/api/dashboard/sessions", fields))


def test_the_owner_gets_a_link_whose_secret_is_for_the_browser_alone(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        told = (await lobby.ask("POST", "/api/open", OWNERS)).json()
        address, _, link = str(told["url"]).partition("#link=")
        assert address == f"{URL}/sign-in" and told["seconds"] == 300
        assert (await lobby.ask("POST", "/api/open", TOKEN)).status == 401
        reply = await lobby.ask(
            "POST", "/sign-in/link", {"User-Agent": "Firefox"}, {"link": link, "next": "/usage?by=model"}
        )
        assert reply.json() == {"next": "/usage?by=model", "signed_in": True}
        assert reply.header("cache-control") == "no-store"
        fields = {"Cookie": cookie_of(reply)}
        (row,) = await listed(lobby, fields)
        assert {**row, "id": ""} == {
            "id": "",
            "how": "link",
            "who": "",
            "agent": "Firefox",
            "created_at": "2023-11-14T22:13:20.000Z",
            "seen_at": "2023-11-14T22:13:20.000Z",
            "expires_at": "2023-12-14T22:13:20.000Z",
            "current": True,
        }

    in_a_lobby(tmp_path, scene)


@pytest.mark.control("T18")
def test_a_link_that_was_used_opens_nothing_again(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        link = lobby.sessions.links.mint()
        first = await lobby.ask("POST", "/sign-in/link", {}, {"link": link})
        again = await lobby.ask("POST", "/sign-in/link", {}, {"link": link})
        assert (first.status, again.status) == (200, 401)
        assert again.header("set-cookie") is None and "llm-gateway open" in str(again.error()["message"])
        late = lobby.sessions.links.mint()
        lobby.clock.advance(301)
        assert (await lobby.ask("POST", "/sign-in/link", {}, {"link": late})).status == 401
        assert len(lobby.sessions.listed()) == 1

    in_a_lobby(tmp_path, scene)


def test_the_token_signs_in_and_nothing_else_does(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        reply = await lobby.ask("POST", "/sign-in", {}, {"token": f" {DASHBOARD}\n", "next": "//evil.test"})
        assert reply.json()["next"] == "/"
        (row,) = await listed(lobby, {"Cookie": cookie_of(reply)})
        assert row["how"] == "token"
        for token in ("", "x", OWNER, DASHBOARD[:-1], "\ud800"):
            reply = await lobby.ask("POST", "/sign-in", {}, {"token": token} if token != "\ud800" else {})
            assert reply.status in (400, 401) and reply.header("set-cookie") is None
            assert DASHBOARD not in reply.body.decode()
        assert len(lobby.sessions.listed()) == 1

    in_a_lobby(tmp_path, scene)


@pytest.mark.parametrize("body", [None, [], {}, {"token": 1}, {"token": "a", "more": 1}, {"link": "a"}])
def test_what_is_not_understood_signs_nobody_in(tmp_path: Path, body: object) -> None:
    async def scene(lobby: Lobby) -> None:
        reply = await lobby.ask("POST", "/sign-in", {}, body)
        assert reply.status == 400 and reply.header("set-cookie") is None

    in_a_lobby(tmp_path, scene)


def test_whoever_signs_in_gets_another_session_than_before(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        planted = "llm_gateway_session=" + "ab" * 32
        link = lobby.sessions.links.mint()
        reply = await lobby.ask("POST", "/sign-in/link", {"Cookie": planted}, {"link": link})
        fresh = cookie_of(reply)
        assert fresh != planted
        assert (await lobby.ask("GET", "/dashboard", {"Cookie": planted})).status == 401
        link = lobby.sessions.links.mint()
        after = cookie_of(await lobby.ask("POST", "/sign-in/link", {"Cookie": fresh}, {"link": link}))
        assert (await lobby.ask("GET", "/dashboard", {"Cookie": fresh})).status == 401
        assert (await lobby.ask("GET", "/dashboard", {"Cookie": after})).status == 200
        assert len(lobby.sessions.listed()) == 1

    in_a_lobby(tmp_path, scene)


def test_signing_out_ends_the_session_and_takes_the_cookie_back(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        fields, _ = await lobby.signed_in()
        assert (await lobby.ask("POST", "/sign-out", {"Cookie": fields["Cookie"]})).status == 403
        reply = await lobby.ask("POST", "/sign-out", fields)
        assert reply.json() == {"signed_out": True}
        assert "Max-Age=0" in (reply.header("set-cookie") or "")
        assert (await lobby.ask("GET", "/dashboard", fields)).status == 401
        assert (await lobby.ask("POST", "/sign-out", TOKEN)).json() == {"signed_out": False}

    in_a_lobby(tmp_path, scene)


def test_a_session_can_end_another_and_all_others(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        mine, own = await lobby.signed_in()
        others = [await lobby.signed_in() for _ in range(3)]
        before = await listed(lobby, mine)
        assert len(before) == 4 and [row["id"] for row in before if row["current"]] == [own.id]
        base = "/api/dashboard/sessions"
        assert (await lobby.ask("DELETE", f"{base}/{others[0][1].id}", mine)).json() == {"ended": 1}
        assert (await lobby.ask("DELETE", f"{base}/{others[0][1].id}", mine)).status == 404
        assert (await lobby.ask("GET", "/dashboard", others[0][0])).status == 401
        assert (await lobby.ask("DELETE", base, mine)).json() == {"ended": 2}
        assert [row["id"] for row in await listed(lobby, mine)] == [own.id]
        assert (await lobby.ask("DELETE", base, TOKEN)).json() == {"ended": 1}
        told = [(each.action, each.actor) for each in lobby.ledger.audit.entries()]
        assert told[-4:] == [
            ("dashboard.session-end", f"session {own.id}"),
            ("dashboard.session-end", f"session {own.id}"),
            ("dashboard.session-end", f"session {own.id}"),
            ("dashboard.session-end", "dashboard token"),
        ]

    in_a_lobby(tmp_path, scene)


def test_who_looks_stays_until_the_session_ends(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        fields, session = await lobby.signed_in()
        looks, by_token, nobody = (
            lobby.request("GET", "/dashboard", each)[1] for each in (fields, TOKEN, {})
        )
        assert lobby.sign_in.csrf_of(looks) == session.csrf
        assert lobby.sign_in.csrf_of(by_token) == lobby.sign_in.csrf_of(nobody) == ""
        assert [lobby.sign_in.stays(each) for each in (looks, by_token, nobody)] == [True, True, False]
        await lobby.sessions.end(session.id)
        assert not lobby.sign_in.stays(looks)

    in_a_lobby(tmp_path, scene)


def test_no_secret_is_told_or_kept(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> list[str]:
        link = lobby.sessions.links.mint()
        fields, session = await lobby.signed_in()
        await lobby.ask("POST", "/sign-in/link", {}, {"link": link})
        await lobby.ask("POST", "/sign-in/link", {}, {"link": link})
        await lobby.ask("POST", "/sign-in", {}, {"token": DASHBOARD})
        shown = (await lobby.ask("GET", "/api/dashboard/sessions", fields)).body.decode()
        secret = fields["Cookie"].partition("=")[2]
        secrets = [link, secret, session.csrf, DASHBOARD, OWNER]
        assert not [each for each in secrets if each in shown + lobby.logged.getvalue()]
        return secrets

    secrets = in_a_lobby(tmp_path, scene)
    stored = home_files(tmp_path)
    assert not [each for each in secrets if each.encode() in stored]


def test_nobody_is_signed_in_while_it_cannot_be_put_on_record(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        lobby.ledger.audit.path.mkdir()
        link = lobby.sessions.links.mint()
        reply = await lobby.ask("POST", "/sign-in/link", {}, {"link": link})
        assert reply.status == 503 and reply.header("set-cookie") is None
        assert lobby.sessions.listed() == []
        lobby.ledger.audit.path.rmdir()

    in_a_lobby(tmp_path, scene)


def test_only_a_person_is_somebody_who_is_signed_in(tmp_path: Path) -> None:
    """A session that a token began has no more than the token: its holder may be a program elsewhere."""

    async def scene(lobby: Lobby) -> None:
        async def signed_in(how: How, who: str = "", **more: str) -> str:
            cookie = (await lobby.sessions.begin(how, who, "")).partition(b";")[0]
            _, exchange = lobby.request("POST", "/it", {"Cookie": cookie.decode(), **more})
            return lobby.sign_in.signed_in(exchange)

        assert await signed_in("oidc", "ada@example.org") == "ada@example.org"
        assert (await signed_in("link")).startswith("session ")
        assert await signed_in("token") == ""
        assert await signed_in("link", **TOKEN) == "", "a token is judged by itself"
        _, exchange = lobby.request("POST", "/it", {})
        assert lobby.sign_in.signed_in(exchange) == ""

    in_a_lobby(tmp_path, scene)


def test_a_browser_that_comes_over_tls_keeps_its_cookie_to_it(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        for fields, secure in (({}, False), ({"Origin": "https://gw.example.org"}, True)):
            _, exchange = lobby.request("POST", "/sign-in", fields)
            cookie = await lobby.sign_in.begin(exchange, "link")
            assert cookie.endswith(b"; Secure") == secure
        _, exchange = lobby.request("GET", "/sign-in/oidc/callback", {})
        assert (await lobby.sign_in.begin(exchange, "oidc", secure=True)).endswith(b"; Secure")

    in_a_lobby(tmp_path, scene)


def test_who_asks_is_put_down_by_what_they_show(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        fields, session = await lobby.signed_in()
        for shown, who in (
            (OWNERS, "owner"),
            (TOKEN, "dashboard token"),
            (fields, f"session {session.id}"),
            ({**fields, **TOKEN}, "dashboard token"),
        ):
            assert lobby.sign_in.person(lobby.request("POST", "/it", shown)[1]) == who

    in_a_lobby(tmp_path, scene)
