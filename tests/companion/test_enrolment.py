"""A machine is invited for ten minutes, enrols once, and is let in until it is revoked."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from companion_stage import PEPPER, with_registry
from fakes import FakeClock
from llm_gateway.companion.enrolment import TOKEN_LASTS, NotEnrolled, Registry, invitation
from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger.audit import AuditLog
from llm_gateway.ledger.companions import Claim
from llm_gateway.vault import key_digest, mint_join_token

KEY = bytes(32)


async def refusal(registry: Registry, token: str, key: str = "id") -> str:
    with pytest.raises(NotEnrolled) as caught:
        await registry.join(token, key, key.encode(), ())
    assert "enroll" in caught.value.message or "enrolled" in caught.value.message
    return caught.value.kind


def test_a_machine_enrols_with_its_token(tmp_path: Path) -> None:
    async def play(registry: Registry, clock: FakeClock) -> None:
        invited = await registry.invite("mac", "anna", ("claude", "codex"))
        assert [each.machine for each in await registry.invitations()] == ["mac"]
        clock.advance(TOKEN_LASTS - 1)
        row = await registry.join(invited.token.reveal(), "id", KEY, ("claude", "copilot"))
        assert (row.machine, row.person, row.bridges) == ("mac", "anna", ("claude", "codex"))
        assert registry.judge_key("id") == row
        assert registry.known.claims == (Claim("claude", "id", clock.now_us()),)
        assert await registry.invitations() == []
        assert [row.id for row in await registry.all()] == ["id"]

    with_registry(tmp_path, play)
    entries = [(each.action, each.target) for each in AuditLog(tmp_path, FakeClock()).entries()]
    assert ("companion.invite", "mac") in entries and ("companion.join", "mac") in entries


@pytest.mark.control("T7")
def test_a_token_is_good_once_for_ten_minutes(tmp_path: Path) -> None:
    async def play(registry: Registry, clock: FakeClock) -> None:
        token = (await registry.invite("mac")).token.reveal()
        other = (await registry.invite("box")).token.reveal()
        assert await refusal(registry, mint_join_token()) == "bad_token"
        assert await refusal(registry, "guess") == "bad_token"
        await registry.join(token, "id", KEY, ())
        assert await refusal(registry, token, "id-2") == "token_used"
        clock.advance(TOKEN_LASTS)
        assert await refusal(registry, other, "id-3") == "token_expired"
        assert [row.id for row in await registry.all()] == ["id"]

    with_registry(tmp_path, play)


def test_neither_token_nor_key_is_anywhere_on_the_disk(tmp_path: Path) -> None:
    async def play(registry: Registry, clock: FakeClock) -> str:
        token = (await registry.invite("mac")).token.reveal()
        await registry.join(token, "id", KEY, ())
        return token

    token = with_registry(tmp_path, play)
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(key_digest(PEPPER, token) in data for data in files)
    assert not any(token.encode() in data for data in files)


def test_a_name_is_there_once(tmp_path: Path) -> None:
    async def play(registry: Registry, clock: FakeClock) -> None:
        first = await registry.invite("mac")
        second = await registry.invite("mac")
        assert await refusal(registry, first.token.reveal()) == "bad_token"
        await registry.join(second.token.reveal(), "id", KEY, ())
        with pytest.raises(MalformedRequest, match="companions revoke mac"):
            await registry.invite("mac")

    with_registry(tmp_path, play)


def test_a_revoked_companion_is_not_let_in_and_its_name_is_free(tmp_path: Path) -> None:
    async def play(registry: Registry, clock: FakeClock) -> None:
        await registry.join((await registry.invite("mac")).token.reveal(), "id", KEY, ("claude",))
        assert await registry.revoke("mac") == "id"
        assert await registry.revoke("mac") == ""
        with pytest.raises(NotEnrolled) as caught:
            registry.judge_key("id")
        assert caught.value.kind == "revoked"
        assert registry.known.claims == ()
        await registry.join((await registry.invite("mac")).token.reveal(), "id-2", b"k", ("claude",))
        assert registry.judge_key("id-2").machine == "mac"
        with pytest.raises(NotEnrolled) as caught:
            registry.judge_key("nobody")
        assert caught.value.kind == "never_enrolled"

    with_registry(tmp_path, play)


def test_who_is_revoked_while_it_joins_is_not_let_in(tmp_path: Path) -> None:
    class Late(Registry):
        async def claim(self, companion_id: str, bridges: Sequence[str], now_us: int = 0) -> None:
            await self.revoke("mac")
            await super().claim(companion_id, bridges, now_us)

    async def play(registry: Registry, clock: FakeClock) -> None:
        late = Late(registry._ledger, PEPPER, clock)
        assert await refusal(late, (await late.invite("mac")).token.reveal()) == "revoked"

    with_registry(tmp_path, play)


def test_an_invitation_can_be_taken_back(tmp_path: Path) -> None:
    async def play(registry: Registry, clock: FakeClock) -> None:
        token = (await registry.invite("mac")).token.reveal()
        assert await registry.revoke("mac") == "mac"
        assert await refusal(registry, token) == "bad_token"

    with_registry(tmp_path, play)


def test_whoever_offers_first_is_first(tmp_path: Path) -> None:
    async def play(registry: Registry, clock: FakeClock) -> None:
        for name in ("mac", "box"):
            await registry.join((await registry.invite(name)).token.reveal(), name, name.encode(), ())
            clock.advance(1)
        await registry.claim("box", ("codex",))
        clock.advance(1)
        await registry.claim("mac", ("codex",))
        assert [each.companion for each in registry.known.claims] == ["box", "mac"]
        before = registry.known.companions["box"].last_seen_us
        await registry.seen("box")
        assert (await registry.load()).companions["box"].last_seen_us > before

    with_registry(tmp_path, play)


def test_a_gateway_has_a_name_that_stays(tmp_path: Path) -> None:
    async def play(registry: Registry, clock: FakeClock) -> str:
        return registry.gateway

    name = with_registry(tmp_path, play)
    assert name == with_registry(tmp_path, play) and len(name) == 32 and name not in PEPPER.hex()


@pytest.mark.parametrize(
    ("machine", "person", "bridges"),
    [
        ("", "", ()),
        ("a/b", "", ()),
        ("a@b", "", ()),
        ("-a", "", ()),
        ("a" * 64, "", ()),
        ("mac", "x\n", ()),
        ("mac", "", ("a,b",)),
        ("mac", "", ("",)),
    ],
)
def test_what_is_no_name_is_refused(machine: str, person: str, bridges: tuple[str, ...]) -> None:
    with pytest.raises(MalformedRequest, match="is no name of"):
        invitation(PEPPER, machine, 0, person, bridges)
