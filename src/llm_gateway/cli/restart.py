"""`restart`: the gateway that runs makes room for the program and the configuration as they are now.

Its process stays and so do its sockets; what is in between is `http/handover.py`'s and the listener's. Here
are the verb, which only asks and waits, and what the gateway does when it is asked: it tries, then becomes.
"""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.local_api import LocalApi, Running, is_alive
from llm_gateway.cli.output import FAILED, NOT_RUNNING, Stop, json_line, say, waiting
from llm_gateway.http.handover import Inherited, leave

__all__ = ["Rehearsal", "become", "hold_signals", "restart", "take_signals", "trial_command"]

_TRIAL_S = 30.0
_START_S = 30.0
_LONGEST = 4000
_SAID = "error: "
if sys.platform == "win32":
    _HEARD: tuple[signal.Signals, ...] = ()
else:
    _HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2)


@click.command()
@json_option
@pass_context
def restart(context: Context, as_json: bool) -> None:
    """Replace the gateway that runs, after an upgrade say, without a client that notices."""
    if sys.platform == "win32":
        raise Stop(
            FAILED, "on Windows a gateway cannot be replaced while it runs: `llm-gateway down`, then `up`"
        )
    loaded = context.load()
    before, api = Running.read(loaded.home), LocalApi.find(loaded.home)
    if before is None or api is None:
        raise Stop(NOT_RUNNING, f"no gateway runs on {loaded.home}\nhint: `llm-gateway up` starts one")
    if not before.run:
        raise Stop(
            FAILED,
            f"error: the gateway that runs (pid {api.pid}) is of a version that cannot be replaced; "
            "`llm-gateway down`, then `llm-gateway up`",
        )
    os.kill(api.pid, signal.SIGUSR2)
    patience = loaded.settings.server.drain_timeout + _TRIAL_S + _START_S
    with waiting("running answers to end"):
        api = _await_next(loaded.home, before, patience)
    if as_json:
        json_line("restart", {"url": api.url, "pid": api.pid, "home": str(loaded.home)})
    say(f"restarted: {api.url} (pid {api.pid})")


def _await_next(home: Path, before: Running, patience: float) -> LocalApi:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        now = Running.read(home)
        if now is not None and now.refusals > before.refusals and now.run == before.run:
            raise Stop(FAILED, f"{now.refused}\nthe gateway (pid {now.pid}) goes on as it is")
        if now is not None and now.run != before.run and (api := LocalApi.find(home)) is not None:
            return api
        if not is_alive(before.pid):
            raise Stop(FAILED, f"error: the gateway (pid {before.pid}) has ended; its log may say why")
        time.sleep(0.02)
    raise Stop(FAILED, f"error: the gateway (pid {before.pid}) is not back yet; its log may say why")


# what the gateway does


class Rehearsal:
    """Find out whether the next gateway could start, before anything is stopped for it.

    `begin` has `command` try; `then` is called when it can. Else what it says is left for who asked.
    """

    def __init__(
        self, home: Path, running: Running, command: Sequence[str], then: Callable[[], None]
    ) -> None:
        self._home = home
        self._running = running
        self._command = command
        self._then = then
        self._trying = False

    def moved(self, url: str) -> None:
        """Say to the commands to come that the gateway listens elsewhere now."""
        self._running = msgspec.structs.replace(self._running, url=url)
        self._running.leave(self._home)

    async def begin(self) -> None:
        """Try once; who asks again meanwhile has been heard already."""
        if self._trying:
            return
        self._trying = True
        why = await _refusal(self._command)
        if not why:
            self._then()
            return
        self._trying = False
        say(f"the restart is refused, this gateway goes on as it is: {why}")
        self._running = msgspec.structs.replace(
            self._running, refusals=self._running.refusals + 1, refused=why
        )
        self._running.leave(self._home)


async def _refusal(command: Sequence[str]) -> str:
    """Return why the program would not start; "" when it would."""
    try:
        trial = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        return f"{command[0]} cannot be run: {error.strerror}"
    try:
        _, said = await asyncio.wait_for(trial.communicate(), _TRIAL_S)
    except TimeoutError:
        return f"a trial start did not end within {_TRIAL_S:g} seconds"
    finally:
        if trial.returncode is None:
            trial.kill()
            await trial.wait()
    if trial.returncode == 0:
        return ""
    text = said.decode("utf-8", "replace").strip()
    at = f"\n{text}".find(f"\n{_SAID}")  # before it stands what the trial's log says
    return (text[at:] if at >= 0 else text)[-_LONGEST:] or f"a trial start ended with {trial.returncode}"


def trial_command(given: Sequence[socket.socket]) -> list[str]:
    """Return how the program is tried: as it was started, where it listens."""
    options = ["--check"]
    if given:
        host, port = given[0].getsockname()[:2]
        options += ["--host", host, "--port", str(port)]
    return [*_command_line(), *options]


def become(kept: Inherited, environ: Mapping[str, str]) -> NoReturn:
    """Let the program as it is now go on in this process, with these sockets; OSError when it cannot."""
    command = _command_line()
    os.execve(command[0], command, {**environ, **leave(kept)})  # noqa: S606 - ourselves, as we were started


def _command_line() -> list[str]:
    return [sys.executable, *sys.orig_argv[1:]]


def hold_signals() -> None:
    """Keep signals waiting until the next program takes them: it has no handlers yet, they would end it."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)


def take_signals() -> None:
    """Hear what came meanwhile, and what comes."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
