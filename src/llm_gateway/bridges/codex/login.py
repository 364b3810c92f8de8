"""A login to Codex: by a code that is entered anywhere, or where that is not allowed, on its own machine.

Codex itself keeps what comes of it; no token is ever seen here.
"""

from collections.abc import AsyncGenerator

from llm_gateway.bridges.codex.protocol import Empty, LoginStarted
from llm_gateway.bridges.codex.refusals import UNREACHABLE
from llm_gateway.bridges.codex.server import Running
from llm_gateway.bridges.contract import LoginStep
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.rpc import RpcRefused
from llm_gateway.tasks import Tasks

__all__ = ["login"]

_STARTS = 30.0
_PARTING = 5.0
_OFFLINE = "error sending request"  # no answer at all, not one that refuses it


async def login(running: Running, tasks: Tasks, name: str) -> AsyncGenerator[LoginStep, None]:
    """Yield what a person has to do; BridgeFault when nothing came of it. Whoever leaves cancels it."""
    started = await _start(running)
    ended = running.login(started.login_id)
    try:
        yield _step(started)
        if not await ended:
            raise BridgeFault(
                "auth_required",
                f"the login to Codex was not completed; `llm-gateway login {name}` begins anew",
            )
        yield LoginStep("done", "Codex is logged in")
    finally:
        running.forget_login(started.login_id)
        if not ended.done() or ended.cancelled():
            tasks.start("a login to codex is called off", _call_off(running, started.login_id))


async def _start(running: Running) -> LoginStarted:
    """Begin by a code; some workspaces allow a page alone."""
    for kind in ("chatgptDeviceCode", "chatgpt"):
        try:
            started = await running.rpc.ask(
                "account/login/start", {"type": kind}, LoginStarted, within=_STARTS
            )
        except RpcRefused as refusal:
            if _OFFLINE in refusal.message:
                break
            continue
        if started.login_id and (started.verification_url or started.auth_url):
            return started
    raise BridgeFault("bridge_unreachable", f"Codex cannot begin a login: {UNREACHABLE}")


def _step(started: LoginStarted) -> LoginStep:
    if started.user_code:
        return LoginStep(
            "code",
            "open the page in any browser, log in to ChatGPT there and enter the code",
            url=started.verification_url,
            code=started.user_code,
        )
    return LoginStep(
        "open",
        "open the page in a browser on the bridge's machine and log in to ChatGPT there",
        url=started.auth_url,
    )


async def _call_off(running: Running, login_id: str) -> None:
    try:
        await running.rpc.ask("account/login/cancel", {"loginId": login_id}, Empty, within=_PARTING)
    except (RpcRefused, BridgeFault):
        return  # it is over
