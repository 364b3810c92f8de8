"""No secret leaves the bridge: not by what it says, is, or writes, whatever the vendor answers."""

import json
import traceback
from pathlib import Path

import msgspec
import pytest

from bridges.chatgpt.chatgpt_stage import Stage, ask, played
from bridges.chatgpt.fake_accounts import CANARY, Refusal
from bridges.chatgpt.fake_vendor import STALE, Answer, sharing
from llm_gateway.bridges.chatgpt.transfer import export_login, import_login
from llm_gateway.bridges.faults import BridgeFault, answer_of
from llm_gateway.bridges.health import Health

WORDS = ("usage_limit_exceeded", "user_not_eligible", "invalid_user", "unsupported_capability")
ECHO = {"error": {"code": CANARY + " x", "message": CANARY, "param": CANARY}, "detail": CANARY}


def shown(value: object) -> str:
    """Return a value as it may be shown anywhere."""
    if isinstance(value, BridgeFault):
        trace = "".join(traceback.format_exception(value))
        return f"{value!r} {value} {trace} {answer_of(value)} {value.action!r} {value.param}"
    return repr(value) + (json.dumps(msgspec.to_builtins(value)) if isinstance(value, Health) else "")


async def told(stage: Stage, seen: list[object]) -> None:
    """Play through all that the bridge says; keep it."""
    bridge = stage.open()
    seen += [
        await bridge.health(),
        *await stage.log_in(bridge),
        await bridge.health(),
        *await bridge.models(),
    ]
    seen += [*await ask(bridge), bridge, vars(bridge), stage.store().read(), stage.service()]
    failure = {"code": CANARY, "message": CANARY}
    refusals = [sharing(word, CANARY) for word in WORDS]
    refusals += [Refusal(status, ECHO) for status in (400, 401, 403, 404, 429, 500, 503)]
    answers: list[Answer | Refusal] = [*refusals, Answer(ending="failed", failure=failure)]
    for answer in answers:
        stage.vendor.turns.append(answer)
        try:
            seen += await ask(bridge)
        except BridgeFault as fault:
            seen.append(fault)
        stage.vendor.turns.clear()
        stage.advance(3700)
    seen.append(await bridge.health())
    stage.advance(1000)
    stage.vendor.lists.append(Refusal(403, ECHO))
    seen.append(await bridge.health())
    await renewals(stage, seen)
    code = await export_login(stage.store(), stage.folder / "transfer")
    seen.append(code)
    await import_login(stage.store("vm"), stage.folder / "transfer", code)
    stage.accounts.revokes.append(Refusal(503, ECHO))
    try:
        await stage.open(name="vm").logout()
    except BridgeFault as fault:
        seen.append(fault)


async def renewals(stage: Stage, seen: list[object]) -> None:
    """Let every kind of renewal fail, and one work."""
    bridge = stage.open()
    stage.vendor.turns.append(STALE)
    for refusal in (None, Refusal(500, ECHO), Refusal(400, {"error": CANARY + " x", "detail": ECHO})):
        if refusal is not None:
            stage.accounts.renewals.append(refusal)
            stage.advance(3700)
        try:
            seen += await ask(bridge)
        except BridgeFault as fault:
            seen += [fault, await bridge.health()]
    seen.append(await stage.session().tokens())
    stage.accounts.renewals.append(Refusal(400, {"error": "invalid_grant", "error_description": CANARY}))
    stage.advance(3700)
    try:
        await ask(bridge)
    except BridgeFault as fault:
        seen += [fault, await bridge.health()]
    await stage.log_in(bridge)


@pytest.mark.control("T10")
@pytest.mark.control("T10")
def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        seen: list[object] = []
        await told(stage, seen)
        assert len([each for each in seen if isinstance(each, BridgeFault)]) > 12
        for each in seen:
            assert CANARY not in shown(each), each
        assert stage.accounts.spent()  # that there were secrets to be shown

    played(scene, tmp_path)


@pytest.mark.control("T10")
@pytest.mark.control("T10")
def test_no_secret_is_ever_on_disk_or_in_an_address(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await told(stage, [])
        for request in stage.upstream.requests:
            assert CANARY not in request.target
        for page in stage.accounts.pages:
            assert CANARY not in json.dumps(page)

    played(scene, tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in files:
        assert CANARY.encode() not in path.read_bytes(), path
        assert not path.stat().st_mode & 0o077, path


@pytest.mark.control("T10")
def test_tokens_go_to_whom_they_are_for(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await told(stage, [])
        for request in stage.upstream.requests:
            bearer = (request.header("authorization") or "").removeprefix("Bearer ")
            if request.target.startswith("/v1/"):
                assert bearer in stage.accounts.access
                assert not any(token.encode() in request.raw for token in stage.accounts.refresh)
            else:
                assert bearer == ""
                assert not any(token.encode() in request.raw for token in stage.accounts.access)

    played(scene, tmp_path)
