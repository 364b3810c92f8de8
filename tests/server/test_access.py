"""Who is let in where: everybody who may ask, by each kind of route and method, with and without CSRF."""

import asyncio
import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest

from fakes import FakeWire
from llm_gateway.errors import SignInNeeded, Unauthenticated
from llm_gateway.server.access import Access, is_person, is_visit, local_path, sign_in_location
from llm_gateway.vault import mint_key
from rawhttp import Reply
from server_stage import DASHBOARD, OWNER
from sign_in_stage import KINDS, Lobby, cookie_of, in_a_lobby

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
READS = ("GET", "HEAD")
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def expected(kind: str, who: str, method: str, csrf: str) -> int:
    """Return the status that a request has to get, said anew."""
    if kind in ("open", "key") or who == "owner":
        return 200
    if kind == "session" and who == "signed in by token":
        return 403
    if kind == "session" and who == "dashboard token":
        return 401
    if kind == "owner" or who in ("nobody", "gateway key", "wrong token", "foreign cookie"):
        return 401
    if who == "dashboard token" or method in READS or csrf == "right":
        return 200
    return 403


@pytest.mark.control("T5")
def test_who_is_let_in_where_by_what(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> int:
        fields, session = await lobby.signed_in()
        _, other = await lobby.signed_in()
        by_token = await lobby.ask("POST", "/sign-in", {}, {"token": DASHBOARD})
        people: dict[str, Mapping[str, str]] = {
            "nobody": {},
            "owner": {"Authorization": f"Bearer {OWNER}"},
            "dashboard token": {"Authorization": f"Bearer {DASHBOARD}"},
            "gateway key": {"Authorization": f"Bearer {mint_key()}"},
            "wrong token": {"Authorization": "Bearer wrong"},
            "signed in": {"Cookie": fields["Cookie"]},
            "signed in by token": {"Cookie": cookie_of(by_token)},
            "foreign cookie": {"Cookie": f"llm_gateway_session={'0' * 64}"},
        }
        of_token = lobby.sign_in.csrf_of(lobby.request("GET", "/", people["signed in by token"])[1])
        tokens = {"none": "", "right": session.csrf, "another's": other.csrf, "empty": "", "longer": ""}
        wrong = []
        cases = 0
        for kind, who, method, csrf in itertools.product(KINDS, people, METHODS, tokens):
            token = of_token if csrf == "right" and who == "signed in by token" else tokens[csrf]
            token = session.csrf + "x" if csrf == "longer" else token
            shown = {} if csrf == "none" else {"x-llm-gateway-csrf": token}
            reply = await lobby.ask(method, f"/{kind}", {**people[who], **shown})
            cases += 1
            if reply.status != expected(kind, who, method, csrf):
                wrong.append((kind, who, method, csrf, reply.status))
        assert wrong == []
        return cases

    assert in_a_lobby(tmp_path, scene) == 1440


def test_a_token_that_is_shown_is_judged_by_itself(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        fields, _ = await lobby.signed_in()
        for token in (mint_key(), "wrong"):
            reply = await lobby.ask("GET", "/dashboard", {**fields, "Authorization": f"Bearer {token}"})
            assert reply.status == 401
        reply = await lobby.ask("POST", "/dashboard", {**fields, "Authorization": f"Bearer {DASHBOARD}"})
        assert reply.status == 200

    in_a_lobby(tmp_path, scene)


def test_a_change_without_the_pages_token_is_told_the_way_out(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        fields, session = await lobby.signed_in()
        reply = await lobby.ask("DELETE", "/page", {"Cookie": fields["Cookie"]})
        message = str(reply.error()["message"])
        assert reply.status == 403 and reply.error()["code"] == "forbidden"
        assert "x-llm-gateway-csrf" in message and "Reload" in message and session.csrf not in message

    in_a_lobby(tmp_path, scene)


def test_a_browser_without_a_session_is_sent_to_sign_in_and_back(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        reply = await lobby.ask("GET", "/page?a=b&c=%2F", BROWSER)
        assert (reply.status, reply.body) == (303, b"")
        assert reply.header("location") == "/sign-in?next=%2Fpage%3Fa%3Db%26c%3D%252F"
        assert reply.header("cache-control") == "no-store"
        program = await lobby.ask("GET", "/page", {"Accept": "application/json"})
        assert (program.status, program.error()["code"]) == (401, "sign_in_needed")
        post = await lobby.ask("POST", "/page", BROWSER)
        assert post.status == 401, "what was to be changed is not asked for a second time"
        api = await lobby.ask("GET", "/dashboard", BROWSER)
        assert api.status == 401
        key = await lobby.ask("GET", "/page", {**BROWSER, "Authorization": f"Bearer {mint_key()}"})
        assert key.status == 303

    in_a_lobby(tmp_path, scene)


ELSEWHERE = [
    "",
    "evil.test",
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/\\/evil.test",
    "http://evil.test/",
    "https:evil.test",
    "javascript:alert(1)",
    "/\t/evil.test",
    "/\n/evil.test",
    "/\r\nset-cookie: a=b",
    "/a b",
    "/\x00",
    "/\x7f",
    "/\u00e4",
    "/\uff0fevil.test",
    "/" + "a" * 2000,
    " /a",
    "/sign-in",
    "/sign-in?next=/sign-in",
    "/sign-in/oidc",
]


@pytest.mark.parametrize("asked", ELSEWHERE)
def test_nobody_is_sent_elsewhere(asked: str) -> None:
    assert local_path(asked) == "/"


@pytest.mark.parametrize(
    "asked", ["/", "/requests", "/requests/a?b=c&d=%20#e", "/a//b", "/a:b@c", "/sign-inn"]
)
def test_a_path_of_ours_is_kept(asked: str) -> None:
    assert local_path(asked) == asked


@pytest.mark.parametrize(
    ("target", "location"),
    [
        (b"/", b"/sign-in"),
        (b"//evil.test", b"/sign-in"),
        (b"http://evil.test/", b"/sign-in"),
        (b"/\xff", b"/sign-in"),
        (b"/usage?by=model", b"/sign-in?next=%2Fusage%3Fby%3Dmodel"),
    ],
)
def test_where_to_come_back_to_is_in_the_address(target: bytes, location: bytes) -> None:
    assert sign_in_location(target) == location


@pytest.mark.parametrize(
    ("method", "accept", "visits"),
    [
        (b"GET", b"text/html", True),
        (b"HEAD", b"TEXT/HTML;q=0.9", True),
        (b"POST", b"text/html", False),
        (b"GET", b"*/*", False),
        (b"GET", b"", False),
    ],
)
def test_a_visit_is_a_browser_that_goes_to_a_page(method: bytes, accept: bytes, visits: bool) -> None:
    exchange = FakeWire().exchange(method, b"/", [(b"accept", accept)] if accept else [])
    assert is_visit(exchange) is visits


def test_without_sessions_and_tokens_only_the_owner_is_let_in() -> None:
    access = Access(OWNER.encode(), b"")
    assert not access.has_token
    nobody = FakeWire().exchange(b"GET", b"/")
    with pytest.raises(SignInNeeded, match="llm-gateway open"):
        access.require("page", nobody)
    with pytest.raises(Unauthenticated, match="dashboard token"):
        access.check_token(b"", "127.0.0.1")


def test_guesses_in_the_form_are_not_listened_to_for_long(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> list[Reply]:
        guesses = [{"token": f"guess-{number}"} for number in range(12)]
        replies = [await lobby.ask("POST", "/sign-in", {}, guess) for guess in guesses]
        replies.append(await lobby.ask("POST", "/sign-in", {}, {"token": DASHBOARD}))
        lobby.clock.advance(1000)
        replies.append(await lobby.ask("POST", "/sign-in", {}, {"token": DASHBOARD}))
        await asyncio.sleep(0)
        return replies

    replies = in_a_lobby(tmp_path, scene)
    assert [each.status for each in replies] == [401] * 10 + [429] * 3 + [200]


def test_who_signed_in_with_the_token_is_no_person(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        fields, session = await lobby.signed_in()
        assert is_person(session) and not is_person(None)
        assert (await lobby.ask("DELETE", "/session", fields)).status == 200
        reply = await lobby.ask("POST", "/sign-in", {}, {"token": DASHBOARD})
        cookie = {"Cookie": (reply.header("set-cookie") or "").partition(";")[0]}
        assert (await lobby.ask("GET", "/dashboard", cookie)).status == 200
        for method in METHODS:
            refused = await lobby.ask(method, "/session", {**cookie, "x-llm-gateway-csrf": session.csrf})
            assert refused.status == 403

    in_a_lobby(tmp_path, scene)
