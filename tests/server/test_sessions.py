"""Sessions: what the cookie is, who holds one, when it is over, and what is left of it where."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from llm_gateway.errors import AuditUnavailable
from llm_gateway.ledger.dashboard_sessions import sessions as rows_of
from llm_gateway.server.sessions import COOKIE, LINK_SECONDS, Links, Session, Sessions
from server_stage import home_files
from sign_in_stage import Lobby, in_a_lobby

DAY = 86_400.0


def sent(cookie: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"cookie", b"theme=dark; " + cookie.partition(b";")[0] + b"; a=b")]


async def begun(lobby: Lobby, agent: str = "Firefox") -> tuple[bytes, Session]:
    cookie = await lobby.sessions.begin("link", "", agent)
    session = lobby.sessions.of(sent(cookie))
    assert session is not None
    return cookie, session


def test_the_cookie_is_for_our_pages_alone(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        cookie, session = await begun(lobby)
        pair, *attributes = cookie.decode().split("; ")
        assert pair.startswith(f"{COOKIE}=") and len(pair.partition("=")[2]) == 64
        assert attributes == ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000"]
        assert len(session.csrf) == 64 and session.csrf not in pair
        assert lobby.sessions.farewell() == (
            f"{COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0".encode()
        )

    in_a_lobby(tmp_path, scene)


def test_under_tls_it_is_the_hosts_own(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        cookie, session = await begun(lobby)
        assert cookie.startswith(b"__Host-llm_gateway_session=") and cookie.endswith(b"; Secure")
        bare = cookie.removeprefix(b"__Host-")
        assert lobby.sessions.of(sent(bare)) is None, "what plain HTTP can set does not count"
        assert session.how == "link"

    in_a_lobby(tmp_path, scene, secure=True)


@pytest.mark.parametrize(
    "value", ["", "x", "0" * 64, "g" * 64, "\u00fc" * 32, "0" * 63, " " * 64, "0" * 128, "0x" + "0" * 62]
)
def test_a_cookie_that_nobody_made_opens_nothing(tmp_path: Path, value: str) -> None:
    async def scene(lobby: Lobby) -> None:
        await begun(lobby)
        assert lobby.sessions.of([(b"cookie", f"{COOKIE}={value}".encode())]) is None
        assert lobby.sessions.of([(b"cookie", value.encode())]) is None

    in_a_lobby(tmp_path, scene)


def test_of_several_cookies_the_one_that_is_known_counts(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        cookie, session = await begun(lobby)
        pair = cookie.partition(b";")[0]
        foreign = f"{COOKIE}={'0' * 64}".encode()
        assert lobby.sessions.of([(b"cookie", foreign + b"; " + pair)]) == session
        assert lobby.sessions.of([(b"cookie", foreign), (b"cookie", pair)]) == session
        assert lobby.sessions.of([(b"cookie", b"; ".join([foreign] * 8 + [pair]))]) is None
        assert lobby.sessions.of([(b"cookie", b"x" + pair)]) is None

    in_a_lobby(tmp_path, scene)


@pytest.mark.parametrize(("step", "lasts"), [(8 * DAY, 0), (6 * DAY, 4), (DAY, 29)])
def test_it_ends_after_a_week_unused_and_a_month_at_most(tmp_path: Path, step: float, lasts: int) -> None:
    async def scene(lobby: Lobby) -> None:
        cookie, _ = await begun(lobby)
        used = 0
        lobby.clock.advance(step)
        while lobby.sessions.of(sent(cookie)) is not None:
            used += 1
            lobby.clock.advance(step)
        assert used == lasts
        assert lobby.sessions.listed() == []

    in_a_lobby(tmp_path, scene)


def test_when_it_was_seen_is_written_now_and_then(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        cookie, session = await begun(lobby)
        for _ in range(10):
            lobby.clock.advance(60)
            lobby.sessions.of(sent(cookie))
        (row,) = await lobby.ledger.read(rows_of)
        assert row.seen_us - session.created_us == 600_000_000
        lobby.clock.advance(200)
        lobby.sessions.of(sent(cookie))
        (row,) = await lobby.ledger.read(rows_of)
        assert row.seen_us - session.created_us == 600_000_000
        (listed,) = lobby.sessions.listed()
        assert listed.seen_us == row.seen_us

    in_a_lobby(tmp_path, scene)


def test_sessions_outlive_a_restart_and_links_do_not(tmp_path: Path) -> None:
    async def before(lobby: Lobby) -> tuple[list[bytes], str]:
        kept, _ = await begun(lobby)
        over, session = await begun(lobby)
        guest = await lobby.sessions.begin("oidc", "eve@example.org", "")
        await lobby.sessions.end(session.id)
        return [kept, over, guest], lobby.sessions.links.mint()

    (kept, over, guest), link = in_a_lobby(tmp_path, before)

    async def after(lobby: Lobby) -> None:
        assert lobby.sessions.of(sent(kept)) is None
        await lobby.sessions.load(lambda how, who: who != "eve@example.org")
        session = lobby.sessions.of(sent(kept))
        assert session is not None and len(session.csrf) == 64 and session.agent == "Firefox"
        assert lobby.sessions.of(sent(over)) is None
        assert lobby.sessions.of(sent(guest)) is None
        assert not lobby.sessions.links.take(link)
        lobby.clock.advance(8 * DAY)
        again = Sessions(lobby.ledger, lobby.clock, secure=False)
        await again.load()
        assert again.listed() == []

    in_a_lobby(tmp_path, after)


def test_the_csrf_token_stays_the_same_for_a_session_and_is_no_others(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        cookie, first = await begun(lobby)
        _, second = await begun(lobby)
        again = Sessions(lobby.ledger, lobby.clock, secure=False)
        await again.load()
        found = again.of(sent(cookie))
        assert found is not None and found.csrf == first.csrf != second.csrf

    in_a_lobby(tmp_path, scene)


def test_what_ends_is_told_to_what_it_has_open(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        _, first = await begun(lobby)
        _, second = await begun(lobby)
        _, third = await begun(lobby)
        events = [lobby.sessions.ended(each.id) for each in (first, second, third)]
        assert lobby.sessions.ended(first.id) is events[0]
        assert await lobby.sessions.end(first.id)
        assert [each.is_set() for each in events] == [True, False, False]
        assert not await lobby.sessions.end(first.id)
        assert await lobby.sessions.end_all(second.id) == 1
        assert [each.is_set() for each in events] == [True, False, True]
        assert lobby.sessions.ended(first.id).is_set(), "of what is over already, too"
        lobby.clock.advance(8 * DAY)
        assert lobby.sessions.listed() == [] and events[1].is_set()

    in_a_lobby(tmp_path, scene)


def test_what_runs_out_by_itself_is_told(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        cookie, session = await begun(lobby)
        lobby.clock.advance(7 * DAY - 0.05)
        event = lobby.sessions.ended(session.id)
        assert not event.is_set()
        lobby.clock.advance(0.05)
        await asyncio.wait_for(event.wait(), 5)
        assert lobby.sessions.of(sent(cookie)) is None

    in_a_lobby(tmp_path, scene)


def test_texts_are_bounded_and_plain(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        _, session = await begun(lobby, "Fire\x1b[31m\nfox" + "x" * 1000)
        assert session.agent.startswith("Fire?[31m?fox") and len(session.agent) == 200

    in_a_lobby(tmp_path, scene)


def test_there_are_not_ever_more(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        lobby.sessions.most = 3
        first, _ = await begun(lobby)
        for _ in range(3):
            lobby.clock.advance(1)
            await begun(lobby)
        assert len(lobby.sessions.listed()) == 3 and lobby.sessions.of(sent(first)) is None
        assert len(await lobby.ledger.read(rows_of)) == 3

    in_a_lobby(tmp_path, scene)


def test_nobody_is_signed_in_off_the_record(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        _, session = await begun(lobby)
        lobby.ledger.audit.path.unlink()
        lobby.ledger.audit.path.mkdir()
        with pytest.raises(AuditUnavailable):
            await lobby.sessions.begin("link", "", "")
        with pytest.raises(AuditUnavailable):
            await lobby.sessions.end(session.id)
        assert [each.id for each in lobby.sessions.listed()] == [session.id]
        os.rmdir(lobby.ledger.audit.path)

    in_a_lobby(tmp_path, scene)


def test_what_is_done_is_on_record_and_no_secret_is(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> list[str]:
        cookie, session = await begun(lobby)
        await lobby.sessions.begin("oidc", "ada@example.org", "")
        link = lobby.sessions.links.mint()
        await lobby.sessions.end(session.id, "dashboard.sign-out", "somebody")
        await lobby.sessions.end_all(actor="ada@example.org")
        told = [(each.action, each.actor) for each in lobby.ledger.audit.entries()]
        assert told == [
            ("dashboard.sign-in", "owner"),
            ("dashboard.sign-in", "ada@example.org"),
            ("dashboard.sign-out", "somebody"),
            ("dashboard.session-end", "ada@example.org"),
        ]
        secret = cookie.partition(b"=")[2].partition(b";")[0].decode()
        return [secret, session.csrf, link]

    secrets = in_a_lobby(tmp_path, scene)
    stored = home_files(tmp_path)
    assert not [each for each in secrets if each.encode() in stored]
    assert bytes.fromhex(secrets[0]) not in stored
    assert hashlib.sha256(bytes.fromhex(secrets[0])).digest() in stored


def test_a_link_is_good_once_and_for_a_while(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        links = Links(lobby.clock)
        first, second = links.mint(), links.mint()
        assert len(first) == 43 and first != second
        assert links.take(first) and not links.take(first)
        assert not links.take("") and not links.take("\ud800") and not links.take(second + "x")
        lobby.clock.advance(LINK_SECONDS)
        assert not links.take(second)
        made = [links.mint() for _ in range(17)]
        assert not links.take(made[0]) and links.take(made[1]) and links.take(made[16])

    in_a_lobby(tmp_path, scene)
