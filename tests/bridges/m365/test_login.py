"""A person's login: by a device code, kept under seal, renewed once for all who wait, and taken back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridges.m365.fake_vendor import CANARY, Refusal
from bridges.m365.m365_stage import Stage, ask, played, spoken
from llm_gateway.bridges.contract import LoginStep
from llm_gateway.bridges.faults import BridgeFault, FaultKind
from llm_gateway.config.bridges import BridgeSettings
from scripted import Gate, Hang, Send
from scripted.wording import response


def test_a_person_logs_in_by_a_code(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.polls.extend(("authorization_pending", "authorization_pending"))
        bridge = stage.open()
        steps = [step async for step in bridge.login()]
        assert [step.kind for step in steps] == ["code", "done"]
        assert (steps[0].url, steps[0].code) == ("https://microsoft.com/devicelogin", "FAKE2CODE")
        assert CANARY not in repr(steps)
        assert len(stage.asked("/organizations/oauth2/v2.0/token")) == 3
        health = await bridge.health()
        assert (health.state, health.verified) == ("ok", "login_seen")
        assert spoken(await ask(bridge)) == "Hello from Copilot."

    played(scene, tmp_path)


@pytest.mark.parametrize(
    ("poll", "kind", "says"),
    [
        ("expired_token", "auth_required", "not entered in time"),
        ("authorization_declined", "auth_required", "declined"),
        (Refusal(400, "bad_verification_code", "AADSTS70020: no."), "auth_required", "AADSTS70020"),
        (Refusal(400, "invalid_grant", "AADSTS65001: no consent."), "consent_required", "AADSTS65001"),
        (Refusal(400, "access_denied", "AADSTS53003: blocked."), "not_entitled", "AADSTS53003"),
        (Refusal(504, ""), "upstream_timeout", "504"),
    ],
)
def test_a_login_that_comes_to_nothing_says_why(
    tmp_path: Path, poll: str | Refusal, kind: FaultKind, says: str
) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.polls.append(poll)
        bridge = stage.open()
        login = bridge.login()
        assert (await anext(login)).kind == "code"
        with pytest.raises(BridgeFault) as caught:
            await anext(login)
        assert (caught.value.kind, says in caught.value.message) == (kind, True), caught.value.message
        assert (await bridge.health()).state == "auth_required"
        assert not (tmp_path / "login.sealed").exists()

    played(scene, tmp_path)


def test_a_code_is_asked_for_no_longer_than_it_lasts_and_slower_when_told(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.polls.extend(["authorization_pending", "slow_down"])
        login = stage.open().login()
        await anext(login)
        waiting = stage.tasks.start("waiting", next_of(login))
        await asyncio.to_thread(stage.upstream.wait_asked, 3)  # the code, and two polls
        await asyncio.sleep(0.05)
        assert not waiting.done() and len(stage.asked("/token")) == 2
        waiting.cancel()

    async def late(stage: Stage) -> None:
        stage.vendor.polls.append("authorization_pending")
        login = stage.open().login()
        await anext(login)
        stage.clock.advance(901)
        with pytest.raises(BridgeFault, match="not entered in time"):
            await anext(login)

    played(scene, tmp_path)
    played(late, tmp_path)


async def next_of(login: AsyncIterator[LoginStep]) -> LoginStep:
    return await anext(login)


def test_an_app_that_is_not_known_is_named(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(BridgeFault, match="check MICROSOFT_CLIENT_ID") as caught:
            await anext(stage.open(MICROSOFT_CLIENT_ID="other").login())
        assert caught.value.kind == "auth_required"

    played(scene, tmp_path)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"access_token": "a\\u00e9"}', b'{"access_token": "a b"}'])
def test_an_answer_in_another_form_is_no_login(tmp_path: Path, body: bytes) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open()
        login = bridge.login()
        await anext(login)
        stage.upstream.queue((Send(response(200, body)),))
        with pytest.raises(BridgeFault, match="form that is not known"):
            await anext(login)
        stage.upstream.queue((Send(response(200, body)),))
        with pytest.raises(BridgeFault, match="form that is not known"):
            await anext(bridge.login())

    played(scene, tmp_path)


def test_the_next_start_asks_nobody_until_the_token_has_ended(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.log_in(stage.open())
        again = stage.open()
        assert (await again.health()).state == "ok"
        assert not stage.upstream.requests
        stage.clock.advance(3500)
        stage.vendor.now_s += 3500
        assert (await again.health()).state == "ok"
        assert len(stage.asked("/token")) == 1
        assert (await stage.open().health()).state == "ok"  # what it was renewed by is kept, too
        assert len(stage.asked("/token")) == 1

    played(scene, tmp_path)


@pytest.mark.fault("P21")
def test_all_who_wait_are_served_by_one_renewal(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.lives = 60
        bridge = stage.open()
        await stage.log_in(bridge)
        stage.vendor.lives = 3600
        said = await asyncio.gather(*(ask(bridge) for _ in range(8)))
        assert [spoken(each) for each in said] == ["Hello from Copilot."] * 8
        assert len(stage.asked("/token")) == 1

    played(scene, tmp_path)


@pytest.mark.fault("P21")
def test_who_leaves_does_not_take_the_new_tokens_along(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.lives = 60
        bridge = stage.open()
        await stage.log_in(bridge)
        stage.vendor.lives = 3600
        stage.upstream.queue((Gate("renewed"), Send(stage.vendor._granted())))
        waiting = stage.tasks.start("waiting", ask(bridge))
        await asyncio.to_thread(stage.upstream.wait_gate, "renewed")
        waiting.cancel()
        stage.upstream.open("renewed")
        await bridge.close()
        assert (await stage.open().health()).state == "ok"
        assert len(stage.asked("/token")) == 1

    played(scene, tmp_path)


@pytest.mark.fault("P21")
@pytest.mark.parametrize("then", ["out", "in"])
def test_a_renewal_does_not_undo_what_happened_meanwhile(tmp_path: Path, then: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.lives = 60
        bridge = stage.open()
        await stage.log_in(bridge)
        stage.vendor.lives = 3600
        stage.upstream.queue((Gate("renewed"), Send(stage.vendor._granted())))
        waiting = stage.tasks.start("waiting", bridge.health())
        await asyncio.to_thread(stage.upstream.wait_gate, "renewed")
        if then == "out":
            await bridge.logout()
        else:
            await stage.log_in(bridge)
        stage.upstream.open("renewed")
        assert (await waiting).state == ("auth_required" if then == "out" else "ok")
        assert (tmp_path / "login.sealed").exists() == (then == "in")

    played(scene, tmp_path)


@pytest.mark.fault("B9")
@pytest.mark.parametrize(
    ("refusal", "state", "asked"),
    [
        (Refusal(400, "invalid_grant", "AADSTS700082: expired, ada@contoso.example."), "auth_required", 1),
        (Refusal(400, "interaction_required", "AADSTS50076: second factor."), "auth_required", 1),
        (Refusal(400, "invalid_grant", "AADSTS65001: consent."), "consent_required", 2),
        (Refusal(400, "invalid_grant", "AADSTS50105: not assigned."), "not_entitled", 2),
        (Refusal(429, "", fields=(("retry-after", "5"),)), "rate_limited", 2),
        (Refusal(503, ""), "error", 2),
    ],
)
def test_a_renewal_that_is_refused_is_a_state(
    tmp_path: Path, refusal: Refusal, state: str, asked: int
) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.lives = 60
        bridge = stage.open()
        await stage.log_in(bridge)
        stage.vendor.renewals.append(refusal)
        health = await bridge.health()
        assert (health.state, "contoso" in health.reason) == (state, False)
        again = await bridge.health()  # what has ended is not asked for again, the rest may have passed
        assert again.state == ("auth_required" if asked == 1 else "ok")
        assert len(stage.asked("/token")) == asked
        await stage.log_in(bridge)
        stage.vendor.lives = 3600
        await stage.log_in(bridge)
        assert (await bridge.health()).state == "ok"

    played(scene, tmp_path)


def test_a_login_in_another_process_is_seen(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        gateway = stage.open()
        assert (await gateway.health()).state == "auth_required"
        await stage.log_in(stage.open())
        assert (await gateway.health()).state == "ok"
        await stage.open().logout()
        assert (await gateway.health()).state == "auth_required"

    played(scene, tmp_path)


def test_a_login_of_another_app_or_service_is_none(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.log_in(stage.open())
        for bridge in (
            stage.open(MICROSOFT_CLIENT_ID="another"),
            stage.open(settings=BridgeSettings("m365-copilot", backend="workiq")),
            stage.open(settings=BridgeSettings("m365-copilot", tenant="contoso.example")),
        ):
            assert (await bridge.health()).state == "auth_required"

    played(scene, tmp_path)


@pytest.mark.parametrize("how", ["altered", "open to others", "another key"])
def test_a_file_that_cannot_be_used_asks_for_a_new_login(tmp_path: Path, how: str) -> None:
    async def scene(stage: Stage) -> None:
        await stage.log_in(stage.open())
        path = tmp_path / "login.sealed"
        match how:
            case "altered":
                path.write_bytes(path.read_bytes()[:-1] + b"x")
            case "another key":
                (tmp_path / "master-key").write_text("00" * 32)
            case _:
                path.chmod(0o640)
        bridge = stage.open()
        for _ in range(2):
            health = await bridge.health()
            assert (health.state, "cannot be used" in health.reason) == ("auth_required", True)
        path.unlink()
        await stage.log_in(bridge)
        assert (await bridge.health()).state == "ok"

    played(scene, tmp_path)


def test_a_master_key_of_ones_own_seals_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        named = tmp_path / "elsewhere"
        named.write_text("ab" * 32)
        named.chmod(0o600)
        folder = stage.folder
        await stage.log_in(stage.open(LLM_GATEWAY_MASTER_KEY_FILE=str(named)))
        assert {path.name for path in folder.iterdir()} == {"elsewhere", "login.sealed"}
        assert (await stage.open(LLM_GATEWAY_MASTER_KEY_FILE=str(named)).health()).state == "ok"
        missing = stage.open(LLM_GATEWAY_MASTER_KEY_FILE=str(tmp_path / "gone"))
        assert "the master key is missing" in (await missing.health()).reason

    played(scene, tmp_path)


def test_tokens_that_cannot_be_kept_are_good_for_this_process(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.lives = 60
        key = tmp_path / "key"
        key.write_text("ab" * 32)
        key.chmod(0o600)
        bridge = stage.open(LLM_GATEWAY_MASTER_KEY_FILE=str(key))
        await stage.log_in(bridge)
        key.unlink()
        stage.vendor.lives = 3600
        assert (await bridge.health()).state == "ok"
        assert spoken(await ask(bridge)) == "Hello from Copilot."
        login = bridge.login()
        await anext(login)
        with pytest.raises(BridgeFault, match="cannot be kept"):
            await anext(login)

    played(scene, tmp_path)


def test_a_login_that_is_called_off_stops_asking(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open()
        login = bridge.login()
        await anext(login)
        stage.upstream.queue((Hang(),))
        waiting = stage.tasks.start("waiting", next_of(login))
        polled = await asyncio.to_thread(stage.upstream.wait_asked, 2)
        waiting.cancel()
        await asyncio.to_thread(stage.upstream.wait_closed, polled.connection)
        assert (await bridge.health()).state == "auth_required"

    played(scene, tmp_path)
