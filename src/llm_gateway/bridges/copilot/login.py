"""Logging in to GitHub Copilot: the CLI's own device flow, of which only address and code are shown.

`copilot login --device-code` prints both, waits, and keeps the token itself; nothing of that is read here.
"""

import asyncio
import re
from collections.abc import AsyncGenerator

from llm_gateway.bridges.contract import LoginStep
from llm_gateway.bridges.copilot.program import CLI, Program
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.process import Child
from llm_gateway.tasks import Tasks

__all__ = ["log_in"]

_CODE = re.compile(r"(https://\S+/login/device)\b.*?\bcode\s+([A-Z0-9]{4}-[A-Z0-9]{4})\b")
_NOT_KEPT = "the token was not saved"
_PATIENCE = 30.0


async def log_in(program: Program, tasks: Tasks) -> AsyncGenerator[LoginStep, None]:
    """Log in; BridgeFault says why not. Whoever stops reading ends it."""
    child = await Child.start(program.find(), ("login", "--device-code"), program.environ)
    errors = tasks.start("the errors of copilot login", child.watch_errors())
    printed: list[str] = []
    try:
        yield await _code(child, printed)
        while line := await child.line():
            printed.append(line.decode("utf-8", "replace"))
        status = await child.wait()
        await errors
        told = "".join(printed) + child.said
        if _NOT_KEPT in told:
            yield LoginStep(
                "run",
                "this machine has no keychain to keep the login in: run this in a terminal here, and say "
                "there whether the token may be kept in a file",
                command=program.command("login"),
            )
        elif status != 0:
            raise BridgeFault(
                "auth_required", "GitHub did not confirm the login: the code was refused, or its time is over"
            )
        yield LoginStep("done", "logged in to GitHub Copilot")
    finally:
        child.kill()
        await child.close()
        await errors


async def _code(child: Child, printed: list[str]) -> LoginStep:
    """Return the step with the code; BridgeFault when none comes."""
    try:
        async with asyncio.timeout(_PATIENCE):
            while line := await child.line():
                printed.append(line.decode("utf-8", "replace"))
                if found := _CODE.search(printed[-1]):
                    return LoginStep(
                        "code", "open the page anywhere, and enter the code", url=found[1], code=found[2]
                    )
    except TimeoutError:
        pass
    raise BridgeFault(
        "bridge_unreachable",
        f"{CLI} got no code for a login: is GitHub reachable from this machine? `copilot login` says more",
    )
