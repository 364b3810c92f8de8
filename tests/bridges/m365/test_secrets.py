"""No token of Microsoft's is anywhere in plain: no file, message, step or state holds one."""

import logging
from pathlib import Path

import pytest

from bridges.m365.fake_vendor import CANARY, Answer, Refusal
from bridges.m365.m365_stage import Stage, ask, everything, played
from llm_gateway.bridges.faults import BridgeFault

WRONG: tuple[Answer | Refusal | bytes, ...] = (
    Refusal(403, f"Forbidden: {CANARY}", f"{CANARY}"),
    Refusal(401, "InvalidAuthenticationToken", f"AADSTS65001: {CANARY} is not valid"),
    Refusal(400, "BadRequest", f"{CANARY}"),
    Refusal(429, "TooManyRequests", f"{CANARY}"),
    Refusal(500, "Broken", f"{CANARY}"),
    f"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 11\r\n\r\n{CANARY}x".encode(),
    Answer(updates=("Half",), text=None),
)


@pytest.mark.control("T10")
def test_no_token_is_in_the_open(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[object] = []

    async def scene(stage: Stage) -> None:
        bridge = stage.open()
        shown.extend([step async for step in bridge.login()])
        shown.extend([await bridge.health(), await bridge.models(), bridge, vars(bridge), await ask(bridge)])
        for turn in WRONG:
            stage.vendor.turns.append(turn)
            stage.clock.advance(3600)
            stage.vendor.now_s += 3600
            with pytest.raises(BridgeFault) as caught:
                await ask(bridge)
            shown.extend(
                [str(caught.value), vars(caught.value), caught.value.__cause__, await bridge.health()]
            )
        for refusal in (
            Refusal(400, f"{CANARY}", f"AADSTS70000: {CANARY}"),
            Refusal(400, "invalid_grant", f"{CANARY}"),
            Refusal(503, f"{CANARY} x"),
        ):
            stage.clock.advance(7200)
            stage.vendor.renewals.append(refusal)
            shown.append(await bridge.health())
            await stage.log_in(bridge)
        token = stage.vendor.token()
        given = stage.open(M365_COPILOT_ACCESS_TOKEN=token)
        shown.extend([await given.health(), given, await ask(given)])
        stage.vendor.tokens.clear()
        stage.vendor.refresh = "another"
        with pytest.raises(BridgeFault) as caught:
            await ask(given)
        shown.append(str(caught.value))
        files = [path for path in stage.folder.rglob("*") if path.is_file()]
        assert {path.name for path in files} == {"login.sealed", "master-key"}
        for path in files:
            assert path.stat().st_mode & 0o077 == 0
            assert CANARY.encode() not in path.read_bytes()

    played(scene, tmp_path)
    assert len(shown) > 40
    plain = [value for value in shown if CANARY in everything(value)]
    assert not plain
    assert CANARY not in caplog.text
