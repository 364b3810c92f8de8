"""Tokens and their renewal: when, by whom, how often, and what becomes of them when something breaks."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from bridges.chatgpt.chatgpt_stage import Stage, fault_of, played
from bridges.chatgpt.fake_accounts import CANARY, PLAN, SCOPES, Refusal
from llm_gateway.bridges.chatgpt.keeping import Tokens
from llm_gateway.bridges.faults import BridgeFault

HOUR = 3600


async def signed_in(stage: Stage) -> Tokens:
    """Sign in; return the tokens that are kept."""
    await stage.log_in(stage.open())
    return kept(stage)


def kept(stage: Stage) -> Tokens:
    registration = stage.store().read()
    assert registration is not None and registration.tokens is not None
    return registration.tokens


# when


def test_tokens_are_used_as_long_as_they_are_good(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        tokens = await signed_in(stage)
        session = stage.session()
        for _ in range(5):
            assert await session.tokens() == tokens
            stage.advance(600)
        assert stage.accounts.renewed == 0

    played(scene, tmp_path)


def test_near_their_end_they_are_renewed_while_nobody_waits(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        tokens = await signed_in(stage)
        session = stage.session()
        stage.advance(HOUR - 250)  # it is allowed by now, but not due
        assert await session.tokens() == tokens
        stage.advance(20)
        assert await session.tokens() == tokens
        await session.close()
        renewed = await session.tokens()
        assert renewed == kept(stage) and renewed.access != tokens.access
        assert stage.accounts.renewed == 1

    played(scene, tmp_path)


def test_after_their_end_whoever_asks_waits_for_new_ones(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        tokens = await signed_in(stage)
        stage.advance(HOUR + 1)
        renewed = await stage.session().tokens()
        assert renewed == kept(stage)
        assert renewed.refresh not in (tokens.refresh, tokens.access)

    played(scene, tmp_path)


def test_never_before_the_vendor_allows_it(tmp_path: Path) -> None:
    """What a refused token is worth: nothing now, and a new one when that may be asked for."""

    async def scene(stage: Stage) -> None:
        tokens = await signed_in(stage)
        session = stage.session()
        fault = await fault_of(session.tokens(refused=tokens.access))
        assert fault.kind == "auth_required" and "3241 seconds" in fault.message
        assert fault.retry_after == 3241.0
        stage.advance(3242)
        assert (await session.tokens(refused=tokens.access)).access != tokens.access
        assert stage.accounts.renewed == 1

    played(scene, tmp_path)


@pytest.mark.parametrize("ahead", [-1800, 1800])
def test_a_clock_that_is_wrong_by_half_an_hour_loses_no_refresh_token(tmp_path: Path, ahead: int) -> None:
    async def scene(stage: Stage) -> None:
        stage.clock.advance(ahead)
        stage.accounts.claims = {  # the ID token is good for longer than clocks are wrong here
            "iat": int(stage.accounts.now_s) - 7200,
            "exp": int(stage.accounts.now_s) + 7200,
        }
        await signed_in(stage)
        session = stage.session()
        for _ in range(3 * 60):
            tokens = await session.tokens()
            assert stage.accounts.access[tokens.access.reveal()] > stage.accounts.now_s
            stage.advance(60)
            await session.close()
        assert stage.accounts.renewed == 3

    played(scene, tmp_path)


@pytest.mark.parametrize("early", [0, -30, HOUR])
def test_whatever_the_vendor_allows_is_kept_to(tmp_path: Path, early: int) -> None:
    async def scene(stage: Stage) -> None:
        stage.accounts.early = early
        await signed_in(stage)
        session = stage.session()
        refused = 0
        for _ in range(2 * 60):
            try:
                await session.tokens()
            except BridgeFault:
                refused += 1
            stage.advance(60)
            await session.close()
        assert stage.accounts.renewed == (2 if early > 0 else 1)
        assert refused == (0 if early > 0 else 1)  # where they end before a renewal is allowed

    played(scene, tmp_path)


def test_an_instant_in_words_and_an_answer_without_a_date(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.accounts.as_text, stage.accounts.dated = True, False
        tokens = await signed_in(stage)
        assert tokens.earliest_us == stage.clock.now_us() + 3241 * 1_000_000

    played(scene, tmp_path)


# by whom, how often


@pytest.mark.fault("P21")
@pytest.mark.fault("P21")
def test_fifty_that_wait_share_one_renewal(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await signed_in(stage)
        stage.advance(HOUR + 1)
        session = stage.session()
        found = await asyncio.gather(*(session.tokens() for _ in range(50)))
        assert set(found) == {kept(stage)} and stage.accounts.renewed == 1

    played(scene, tmp_path)


@pytest.mark.fault("P21")
@pytest.mark.fault("P21")
def test_ten_that_do_not_know_of_each_other_share_one_renewal_too(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        tokens = await signed_in(stage)
        stage.advance(HOUR + 1)
        sessions = [stage.session() for _ in range(10)]
        found = await asyncio.gather(*(each.tokens() for each in sessions for _ in range(5)))
        assert set(found) == {kept(stage)} and stage.accounts.renewed == 1
        assert stage.accounts.spent() == [tokens.refresh.reveal()]

    played(scene, tmp_path)


@pytest.mark.fault("P21")
@pytest.mark.fault("P21")
def test_whoever_waits_may_leave_and_the_tokens_are_kept(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await signed_in(stage)
        stage.advance(HOUR + 1)
        session = stage.session()
        waiting = asyncio.ensure_future(session.tokens())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await session.close()
        assert await session.tokens() == kept(stage)
        assert stage.accounts.renewed == 1

    played(scene, tmp_path)


@pytest.mark.fault("P21")
@pytest.mark.parametrize("then", ["out", "in"])
def test_a_renewal_does_not_undo_what_happened_meanwhile(tmp_path: Path, then: str) -> None:
    async def scene(stage: Stage) -> None:
        tokens = await signed_in(stage)
        stage.advance(HOUR + 1)
        stage.vendor.hangs = "oauth/token"
        renewing = asyncio.ensure_future(stage.session().tokens())
        await asyncio.to_thread(stage.upstream.wait_asked, 1)
        stage.vendor.hangs = ""
        other = stage.open()
        changing = asyncio.ensure_future(other.logout() if then == "out" else stage.log_in(other))
        await asyncio.sleep(0.05)
        stage.upstream.open("hangs")
        renewed = await renewing
        await changing
        assert renewed.access != tokens.access
        registration = stage.store().read()
        assert registration is not None
        if then == "out":
            assert registration.tokens is None
            assert stage.accounts.revoked == [renewed.refresh.reveal()]
        else:
            assert registration.tokens is not None
            assert registration.tokens.access not in (tokens.access, renewed.access)

    played(scene, tmp_path)


# what breaks


@pytest.mark.fault("P21")
@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(503, {"error": "temporarily_unavailable", "error_description": CANARY}),
        Refusal(429, {}),
        Refusal(400, {"error": "invalid_client"}),
        Refusal(200, {"access_token": 7}),
    ],
)
def test_trouble_keeps_the_tokens_and_those_that_are_good_are_used(tmp_path: Path, refusal: Refusal) -> None:
    async def scene(stage: Stage) -> None:
        tokens = await signed_in(stage)
        session = stage.session()
        stage.accounts.renewals.append(refusal)
        stage.advance(HOUR - 200)
        for _ in range(3):  # the second one does not ask again at once
            assert await session.tokens() == tokens
            await session.close()
        assert not stage.accounts.renewals and stage.accounts.renewed == 0
        stage.advance(20)
        assert await session.tokens() == tokens
        await session.close()
        assert await session.tokens() == kept(stage)

    played(scene, tmp_path)


def test_trouble_after_their_end_is_told_and_passes(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await signed_in(stage)
        session = stage.session()
        stage.accounts.renewals.append(Refusal(503, {}))
        stage.advance(HOUR + 1)
        assert (await fault_of(session.tokens())).kind == "bridge_failed"
        assert await session.tokens() == kept(stage)

    played(scene, tmp_path)


@pytest.mark.fault("P21")
@pytest.mark.fault("B9")
@pytest.mark.fault("B9")
@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("invalid_grant", "does not renew it"),
        ("invalid_refresh_token", "does not renew it"),
        ("token_expired", "does not renew it"),
        ("refresh_token_expired", "30 days"),
        ("refresh_token_invalidated", "taken back"),
        ("refresh_token_reused", "a copy of it was renewed"),
    ],
)
def test_a_sign_in_that_has_ended_is_over_until_another(tmp_path: Path, word: str, why: str) -> None:
    async def scene(stage: Stage) -> None:
        await signed_in(stage)
        session = stage.session()
        stage.accounts.renewals.append(Refusal(400, {"error": word, "error_description": CANARY}))
        stage.advance(HOUR + 1)
        for _ in range(3):  # asked once
            fault = await fault_of(session.tokens())
            assert fault.kind == "auth_required" and why in fault.message and word in fault.message
        assert stage.accounts.renewed == 0
        assert why in (await fault_of(stage.session().tokens())).message  # after a start, too
        left = stage.store().read()
        assert left is not None and (left.client, left.tokens, left.ended) == ("oaiapp_1", None, word)
        await stage.log_in(stage.open())
        assert await session.tokens() == kept(stage)

    played(scene, tmp_path)


def test_a_month_without_use_ends_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await signed_in(stage)
        stage.advance(31 * 86_400)
        assert "30 days" in (await fault_of(stage.session().tokens())).message

    played(scene, tmp_path)


@pytest.mark.fault("P21")
@pytest.mark.fault("P21")
def test_nothing_is_spent_when_its_successor_cannot_be_kept(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        tokens = await signed_in(stage)
        session = stage.session()
        await session.tokens()
        stage.advance(HOUR + 1)
        (tmp_path / "chatgpt" / "master-key").unlink()
        (tmp_path / "chatgpt" / "master-key").mkdir()
        fault = await fault_of(session.tokens())
        assert fault.kind == "bridge_failed" and "cannot be kept" in fault.message
        assert stage.accounts.spent() == []
        assert tokens.refresh.reveal() not in fault.message

    played(scene, tmp_path)


@pytest.mark.fault("P21")
@pytest.mark.fault("P21")
def test_a_disk_that_fails_at_the_wrong_moment_loses_nothing_while_this_runs(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await signed_in(stage)
        session = stage.session()
        stage.advance(HOUR + 1)
        key = tmp_path / "chatgpt" / "master-key"
        aside = tmp_path / "aside"

        def break_it() -> None:
            key.rename(aside)
            key.mkdir()

        stage.accounts.meanwhile = break_it
        tokens = await session.tokens()
        stage.accounts.meanwhile = None
        assert await session.tokens() == tokens
        key.rmdir()
        aside.rename(key)
        stage.advance(HOUR + 1)
        assert await session.tokens() == kept(stage)
        assert stage.accounts.renewed == 2

    played(scene, tmp_path)


# who is signed in


def test_nobody_is_signed_in(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.session()
        assert "nobody is signed in" in (await fault_of(session.tokens())).message
        await session.close()
        await stage.log_in(stage.open())  # another process does it
        assert await session.tokens() == kept(stage)
        await stage.open().logout()
        assert "nobody is signed in" in (await fault_of(session.tokens())).message

    played(scene, tmp_path)


def test_a_sign_in_without_the_plan_allows_nothing(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        tokens = await signed_in(stage)
        registration = stage.store().read()
        assert registration is not None
        without = msgspec.structs.replace(tokens, scopes=("openid",))
        stage.store().write(msgspec.structs.replace(registration, tokens=without))
        assert "consent" in (await fault_of(stage.session().tokens())).message
        stage.store().write(registration)
        stage.accounts.granted = [scope for scope in SCOPES if scope != PLAN]
        stage.advance(HOUR + 1)
        assert "consent" in (await fault_of(stage.session().tokens())).message
        assert PLAN not in kept(stage).scopes

    played(scene, tmp_path)


def test_what_cannot_be_read_is_told_each_time(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await signed_in(stage)
        session = stage.session()
        await session.tokens()
        path = tmp_path / "chatgpt" / "login.sealed"
        path.write_bytes(path.read_bytes() + b"x")
        for _ in range(2):
            assert "cannot be used" in (await fault_of(session.tokens())).message

    played(scene, tmp_path)
