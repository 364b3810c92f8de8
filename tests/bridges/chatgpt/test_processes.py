"""Several processes with one sign-in: they share every renewal, also when one of them is killed in it."""

import asyncio
import hashlib
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from bridges.chatgpt.chatgpt_stage import Stage, played
from llm_gateway.bridges.faults import BridgeFault

TESTS = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("renewing.py")


async def started(stage: Stage, begins: float) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), str(stage.folder / "chatgpt"), stage.upstream.url,
        str(stage.clock.now_us()), str(begins),
        stdout=PIPE, env={**os.environ, "PYTHONPATH": str(TESTS)},
    )  # fmt: skip


def digest_of(stage: Stage) -> str:
    registration = stage.store().read()
    assert registration is not None and registration.tokens is not None
    return hashlib.sha256(registration.tokens.access.reveal().encode()).hexdigest()


@pytest.mark.fault("P21")
@pytest.mark.fault("P21")
def test_processes_that_renew_at_once_spend_one_refresh_token(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.logged_in()
        stage.advance(3601)
        begins = time.time() + 2.0
        processes = [await started(stage, begins) for _ in range(3)]
        told = [(await process.communicate())[0].split() for process in processes]
        assert {line for lines in told for line in lines} == {digest_of(stage).encode()}
        assert sum(map(len, told)) == 30
        assert stage.accounts.renewed == len(stage.accounts.spent()) == 1

    played(scene, tmp_path)


@pytest.mark.fault("P21")
@pytest.mark.fault("P21")
def test_a_process_that_is_killed_in_a_renewal_keeps_nobody_out(tmp_path: Path) -> None:
    """The vendor has given the tokens, and nobody has them: that cannot be mended, only told."""

    async def scene(stage: Stage) -> None:
        await stage.logged_in()
        stage.advance(3601)
        stage.vendor.hangs = "oauth/token"
        process = await started(stage, 0.0)
        await asyncio.to_thread(stage.upstream.wait_asked, 1)
        process.kill()
        await process.communicate()
        stage.vendor.hangs = ""
        began = time.monotonic()
        with pytest.raises(BridgeFault, match="the answer to a renewal was lost") as raised:
            await stage.session().tokens()
        assert raised.value.kind == "auth_required" and time.monotonic() - began < 5
        await stage.log_in(stage.open())
        await stage.session().tokens()

    played(scene, tmp_path, wrongs=True)
