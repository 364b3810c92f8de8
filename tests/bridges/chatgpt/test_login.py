"""Signing in and out at the fake service: with a browser here, with one elsewhere, and what goes wrong."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from bridges.chatgpt.chatgpt_stage import Page, Stage, browse, get, played
from bridges.chatgpt.fake_accounts import CANARY, PLAN, SCOPES, Refusal
from llm_gateway.bridges.chatgpt.bridge import ChatgptBridge
from llm_gateway.bridges.chatgpt.login import Login
from llm_gateway.bridges.chatgpt.refusals import MANAGE_USAGE
from llm_gateway.bridges.contract import LoginStep
from llm_gateway.bridges.faults import BridgeFault

WITHOUT_PLAN = tuple(scope for scope in SCOPES if scope != PLAN)
Steps = AsyncGenerator[LoginStep, None]


def login_of(stage: Stage, waits: float = 600.0) -> Login:
    return Login(stage.store(), stage.service(), waits)


async def begun(login: Login) -> tuple[Steps, str, str]:
    """Begin; return the steps to come, the page to open, and where it leads back to."""
    steps = login.begin()
    first, second = await anext(steps), await anext(steps)
    assert (first.kind, second.kind) == ("open", "paste")
    (back,) = parse_qs(urlsplit(first.url).query)["redirect_uri"]
    return steps, first.url, back


async def finished(steps: Steps) -> LoginStep:
    """Go on to the last step."""
    (step,) = [step async for step in steps]
    return step


async def opened(url: str) -> Page:
    return await asyncio.to_thread(browse, url)


async def returned(url: str) -> str:
    """Return the address at which a browser elsewhere ends."""
    return (await asyncio.to_thread(get, url)).headers["location"]


def page_of(stage: Stage) -> dict[str, str]:
    return stage.accounts.pages[-1]


# with a browser


def test_a_browser_on_this_machine_comes_back_by_itself(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        steps, url, _ = await begun(login_of(stage))
        shown, done = await asyncio.gather(opened(url), finished(steps))
        assert (shown.status, "close this window" in shown.text) == (200, True)
        assert done.kind == "done"
        assert "You're using your ChatGPT plan" in done.text and MANAGE_USAGE in done.text
        kept = stage.store().read()
        assert kept is not None and kept.tokens is not None
        assert (kept.client, kept.tokens.scopes) == ("oaiapp_1", SCOPES)
        assert page_of(stage)["agent_name_hint"] == "LLM Gateway"

    played(scene, tmp_path)


def test_an_address_from_another_machine_is_pasted(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        login = login_of(stage)
        steps, url, back = await begun(login)
        address = await returned(url)
        waiting = asyncio.ensure_future(finished(steps))
        for wrong in ("", "hello", back, f"{back}?code=1&state=2", "https://example.org/?" + address):
            with pytest.raises(BridgeFault, match="not the address") as raised:
                login.answered(wrong)
            assert raised.value.kind == "refused"
        await asyncio.sleep(0)
        login.answered(f"\n{address} ")
        assert (await waiting).kind == "done"
        with pytest.raises(BridgeFault, match="no sign-in"):
            login.answered(address)

    played(scene, tmp_path)


def test_only_the_first_answer_counts(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        login = login_of(stage)
        steps, url, back = await begun(login)
        address = await returned(url)
        assert (await opened(f"{back}?code=1&state=wrong")).status == 400
        assert (await opened(address)).status == 200
        assert (await opened(address)).status == 410
        login.answered(address)  # too late, and of no harm
        assert (await finished(steps)).kind == "done"

    played(scene, tmp_path)


def test_one_sign_in_at_a_time(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        login = login_of(stage)
        steps, _, back = await begun(login)
        with pytest.raises(BridgeFault, match="waits for its browser already"):
            await anext(login.begin())
        await steps.aclose()
        with pytest.raises(ConnectionRefusedError):
            await opened(f"{back}?code=1")
        again, _, _ = await begun(login)
        await again.aclose()

    played(scene, tmp_path)


def test_a_sign_in_that_is_called_off_is_gone(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        login = login_of(stage)
        steps, _, back = await begun(login)
        waiting = asyncio.ensure_future(finished(steps))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        with pytest.raises(ConnectionRefusedError):
            await opened(f"{back}?code=1")
        again, _, _ = await begun(login)
        await again.aclose()

    played(scene, tmp_path)


def test_nobody_waits_for_a_person_for_ever(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        steps, _, _ = await begun(login_of(stage, 0.05))
        with pytest.raises(BridgeFault, match="begin again") as raised:
            await finished(steps)
        assert raised.value.kind == "auth_required"

    played(scene, tmp_path)


# what goes wrong


def test_a_person_may_say_no(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.accounts.declines = True
        steps, url, _ = await begun(login_of(stage))
        assert "Not signed in" in (await opened(url)).text
        with pytest.raises(BridgeFault, match="declined"):
            await finished(steps)
        assert stage.store().read() is None

    played(scene, tmp_path)


def test_a_sign_in_without_the_plan_is_kept_and_asked_for_consent_the_next_time(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        login = login_of(stage)
        stage.accounts.granted = WITHOUT_PLAN
        steps, url, _ = await begun(login)
        await opened(url)
        with pytest.raises(BridgeFault, match="lacks the consent") as raised:
            await finished(steps)
        assert raised.value.kind == "auth_required"
        assert "prompt" not in page_of(stage)
        stage.accounts.granted = SCOPES
        steps, url, _ = await begun(login)
        await opened(url)
        assert (await finished(steps)).kind == "done"
        assert (page_of(stage)["prompt"], page_of(stage)["client_id"]) == ("consent", "oaiapp_1")

    played(scene, tmp_path)


@pytest.mark.parametrize("wrong", ["identity", "exchange", "refresh"])
def test_what_does_not_work_keeps_nothing(tmp_path: Path, wrong: str) -> None:
    async def scene(stage: Stage) -> None:
        match wrong:
            case "identity":
                stage.accounts.claims = {"nonce": "another"}
            case "exchange":
                stage.accounts.exchanges.append(Refusal(503, {"error": "temporarily_unavailable"}))
            case _:
                stage.accounts.rotates = False
        steps, url, _ = await begun(login_of(stage))
        await opened(url)
        with pytest.raises(BridgeFault) as raised:
            await finished(steps)
        assert CANARY not in raised.value.message
        assert stage.store().read() is None

    played(scene, tmp_path)


def test_a_sign_in_is_begun_anew_over_what_cannot_be_read(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        path = tmp_path / "chatgpt" / "login.sealed"
        path.parent.mkdir()
        path.write_bytes(b"nonsense")
        path.chmod(0o600)
        steps, url, _ = await begun(login_of(stage))
        await opened(url)
        assert (await finished(steps)).kind == "done"
        assert stage.store().read() is not None

    played(scene, tmp_path)


# again, and out


async def signed_in(stage: Stage) -> ChatgptBridge:
    bridge = await stage.logged_in()
    stage.accounts.pages.clear()
    return bridge


def test_the_registration_and_the_host_stay_when_somebody_signs_out(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await signed_in(stage)
        kept, host = stage.store().read(), stage.store().host()
        assert kept is not None and kept.tokens is not None
        await login_of(stage).end()
        assert stage.accounts.revoked == [kept.tokens.refresh.reveal()]
        left = stage.store().read()
        assert left is not None and (left.client, left.tokens) == ("oaiapp_1", None)
        steps, url, _ = await begun(login_of(stage))
        await opened(url)
        await finished(steps)
        told = page_of(stage)
        assert (told["client_id"], told["ext_agent_host_id"]) == ("oaiapp_1", host)
        assert not told.keys() & {"agent_name_hint", "id_token_hint", "login_hint", "prompt"}

    played(scene, tmp_path)


def test_signing_out_twice_forgets_the_registration_but_not_the_host(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await signed_in(stage)
        host = stage.store().host()
        for _ in range(3):
            await login_of(stage).end()
        assert stage.store().read() is None and stage.store().host() == host
        steps, url, _ = await begun(login_of(stage))
        await opened(url)
        await finished(steps)
        assert page_of(stage)["client_id"] == "dynamic_agent_client"

    played(scene, tmp_path)


def test_tokens_are_forgotten_here_even_where_nobody_takes_them_back(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await signed_in(stage)
        stage.accounts.revokes.append(Refusal(503, {}))
        with pytest.raises(BridgeFault, match="not confirm"):
            await login_of(stage).end()
        left = stage.store().read()
        assert left is not None and left.tokens is None

    played(scene, tmp_path)


def test_another_account_does_not_take_a_registration_over(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await signed_in(stage)
        before = stage.store().read()
        stage.accounts.subject = "somebody else"
        steps, url, _ = await begun(login_of(stage))
        await opened(url)
        with pytest.raises(BridgeFault, match="another account"):
            await finished(steps)
        assert stage.store().read() == before
        assert len(stage.accounts.revoked) == 1  # what was got for the other account was given back
        stage.accounts.revokes.append(Refusal(503, {}))
        steps, url, _ = await begun(login_of(stage))
        await opened(url)
        with pytest.raises(BridgeFault, match="another account"):
            await finished(steps)

    played(scene, tmp_path)
