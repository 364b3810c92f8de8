"""Which token a turn is asked with: the given one first, and what is said where there is none."""

from pathlib import Path

import pytest

from bridges.m365.fake_vendor import CANARY, jwt
from bridges.m365.m365_stage import Stage, played
from fakes import FakeClock
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.m365.access import Access
from llm_gateway.bridges.m365.refusals import NEEDS
from llm_gateway.vault import Secret


def access(token: str) -> Access:
    return Access({"M365_COPILOT_ACCESS_TOKEN": token}, None, FakeClock())


async def told(of: Access, refused: Secret | None = None) -> str:
    """Return why there is no token."""
    with pytest.raises(BridgeFault) as caught:
        await of.token(refused)
    assert caught.value.kind == "auth_required"
    return caught.value.message


def test_a_given_token_is_used_for_as_long_as_it_lasts(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        now = stage.clock.now_us() / 1_000_000
        token = await access(f"Bearer {jwt(now + 60, ('Mail.Read',))}\n").token()
        assert token.secret.reveal() == jwt(now + 60, ("Mail.Read",))
        assert token.scopes == ("Mail.Read",)
        assert CANARY not in repr(token)
        assert await told(access(jwt(now - 1, ()))) == NEEDS
        assert await told(access("")) == NEEDS
        opaque = await access("opaque").token()
        assert (opaque.scopes, opaque.until) == ((), "")

    played(scene, tmp_path)


def test_a_given_token_that_is_no_token_is_told(tmp_path: Path) -> None:
    async def scene(_: Stage) -> None:
        assert "a space" in await told(access("two words"))
        assert "a space" in await told(access("\u00e9"))

    played(scene, tmp_path)


def test_a_token_may_lie_in_a_file_that_somebody_else_renews(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        path = tmp_path / "token"
        path.write_text("first\n")
        path.chmod(0o600)
        of = Access({"M365_COPILOT_ACCESS_TOKEN_FILE": str(path)}, None, stage.clock)
        first = (await of.token()).secret
        assert first == Secret("first")
        assert "does not accept M365_COPILOT_ACCESS_TOKEN" in await told(of, first)
        assert "does not accept" in await told(of)
        path.write_text("second\n")
        assert (await of.token()).secret == Secret("second")
        path.chmod(0o644)
        assert "open to others" in await told(of)
        path.unlink()
        assert await told(of) == NEEDS

    played(scene, tmp_path)


def test_a_login_stands_in_for_a_token_that_has_ended_or_is_refused(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        token = jwt(stage.clock.now_us() / 1_000_000 - 1, ())
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=token)
        assert "nobody is logged in" in (await bridge.health()).reason
        await stage.log_in(bridge)
        health = await bridge.health()
        assert (health.state, "until" in health.account) == ("ok", False)

    played(scene, tmp_path)


def test_a_given_token_is_not_ours_to_forget(tmp_path: Path) -> None:
    async def scene(_: Stage) -> None:
        with pytest.raises(BridgeFault, match="unset it"):
            access("good").end()
        access("").end()
        await access("").close()

    played(scene, tmp_path)
