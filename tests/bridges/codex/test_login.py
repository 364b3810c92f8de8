"""A login to Codex: what a person does, what comes of it, and that whoever leaves calls it off."""

from pathlib import Path

import pytest

from bridges.codex.codex_stage import Stage, played, until
from bridges.codex.fake_codex import Scene
from llm_gateway.bridges.codex.login import login
from llm_gateway.bridges.contract import LoginStep
from llm_gateway.bridges.faults import BridgeFault

CODE = {"type": "chatgptDeviceCode", "loginId": "l1", "userCode": "ABCD-EFGH", "verificationUrl": "https://v"}
PAGE = {"type": "chatgpt", "loginId": "l1", "authUrl": "https://auth"}


def ended(success: bool, login_id: str = "l1") -> dict[str, object]:
    params = {"loginId": login_id, "success": success, "error": "person@example.com may not"}
    return {"method": "account/login/completed", "params": params}


def scene(home: Path, answer: dict[str, object]) -> Scene:
    return Scene(home, answers={"account/login/start": answer})


async def steps(stage: Stage) -> list[LoginStep]:
    async with stage.server.use() as running:
        return [step async for step in login(running, stage.tasks, "codex")]


def test_a_code_is_entered_anywhere(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        async with stage.server.use() as running:
            told = login(running, stage.tasks, "codex")
            step = await anext(told)
            assert (step.kind, step.url, step.code) == ("code", "https://v", "ABCD-EFGH")
            for other in ("", "l2"):
                running.notified("account/login/completed", stage.notice(ended(False, other)))
            running.notified("account/login/completed", stage.notice(ended(True)))
            assert (await anext(told)).kind == "done"
            with pytest.raises(StopAsyncIteration):
                await anext(told)
            assert not running.login("l1").done(), "it is forgotten"

    begun = scene(tmp_path, {"result": CODE})
    played(begun, act)
    assert begun.asked("account/login/start") == [{"type": "chatgptDeviceCode"}]
    assert begun.asked("account/login/cancel") == []


def test_a_page_is_opened_where_codes_are_not_allowed(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        async with stage.server.use() as running:
            told = login(running, stage.tasks, "codex")
            step = await anext(told)
            assert (step.kind, step.url, step.code) == ("open", "https://auth", "")
            await told.aclose()
        await until(lambda: begun.asked("account/login/cancel"))

    begun = scene(tmp_path, {"result": PAGE})
    played(begun, act)
    assert begun.asked("account/login/cancel") == [{"loginId": "l1"}], "whoever leaves calls it off"


def test_a_login_that_is_not_completed_is_a_fault_without_the_vendors_words(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        with pytest.raises(BridgeFault, match="was not completed") as fault:
            await steps(stage)
        assert fault.value.kind == "auth_required"
        assert "person" not in fault.value.message

    start = "account/login/start"
    played(Scene(tmp_path, results={start: CODE}, after={start: [ended(False)]}), act)


@pytest.mark.parametrize(
    ("message", "tried"),
    [
        ("failed to request device code: error sending request for url (https://auth)", 1),
        ("failed to request device code: 404", 2),
    ],
)
def test_a_login_that_cannot_begin_says_so(tmp_path: Path, message: str, tried: int) -> None:
    async def act(stage: Stage) -> None:
        with pytest.raises(BridgeFault) as fault:
            await steps(stage)
        assert fault.value.kind == "bridge_unreachable"

    begun = scene(tmp_path, {"error": {"code": -32603, "message": message}})
    played(begun, act)
    assert len(begun.asked("account/login/start")) == tried


def test_the_end_of_the_program_is_the_end_of_a_login(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        async with stage.server.use() as running:
            told = login(running, stage.tasks, "codex")
            await anext(told)
            await running.close()
            with pytest.raises(BridgeFault, match="was not completed"):
                await anext(told)

    played(scene(tmp_path, {"result": CODE}), act)
