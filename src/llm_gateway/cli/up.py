"""`up` and `down`: run the gateway in the foreground, or leave it running and stop it again."""

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from llm_gateway.app import App
from llm_gateway.cli.context import Context, pass_context
from llm_gateway.cli.local_api import LocalApi, Running
from llm_gateway.cli.output import FAILED, NOT_RUNNING, REFUSED, Stop, json_line, say
from llm_gateway.config import Loaded
from llm_gateway.errors import ConfigError, RefusedByPolicy
from llm_gateway.ledger.refusal import LedgerBusy

__all__ = ["down", "up"]

_START_S = 30.0


class _Up:
    """What a gateway says when it is ready."""

    def __init__(self, app: App, loaded: Loaded) -> None:
        self.url = app.url
        self.pid = os.getpid()
        self.home = str(loaded.home)
        self.first_key = app.first_key.key.reveal() if app.first_key is not None else None
        self.providers = sorted(app.fleet.members)

    def as_json(self) -> dict[str, object]:
        """Return everything but the key: that is for eyes only."""
        return {"url": self.url, "pid": self.pid, "home": self.home, "providers": self.providers}

    def tell(self) -> None:
        """Say where it is, and the key, the one time it can be said."""
        say(f"LLM Gateway is ready on {self.url}  (pid {self.pid}, home {self.home})")
        say(f"  OpenAI base URL   {self.url}/v1")
        say(f"  providers         {', '.join(self.providers)}")
        if self.first_key is not None:
            say(f"  your first key    {self.first_key}")
            say("                    shown this once; `llm-gateway keys create NAME` makes more")
        say("  next              llm-gateway smoke        sends a request and shows its row")


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 lets the system choose.")
@click.option("--detach", is_flag=True, help="Leave it running in the background.")
@click.option("--json", "as_json", is_flag=True, help="Say that it is ready as JSON on stdout.")
@pass_context
def up(context: Context, host: str | None, port: int | None, detach: bool, as_json: bool) -> None:
    """Run the gateway until Ctrl-C."""
    loaded = context.load(**{"server.host": host, "server.port": port})
    found = LocalApi.find(loaded.home)
    if found is not None:
        say(f"already running: {found.url} (pid {found.pid})")
        if as_json:
            json_line("up", {"url": found.url, "pid": found.pid, "home": str(loaded.home), "already": True})
        return
    if detach:
        _detach(loaded, host, port)
        return
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(context, loaded, as_json=as_json))
    except LedgerBusy as error:
        raise Stop(
            FAILED, f"error: {error}\nhint: `llm-gateway status` shows the gateway that runs"
        ) from None
    except RefusedByPolicy as error:
        raise Stop(REFUSED, f"error: {error}\nhint: docs/exposure.md has the whole table") from None
    except ConfigError as error:
        raise Stop(FAILED, f"error: {error}") from None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's, where it exists: Windows has none."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    return factory


async def _serve(context: Context, loaded: Loaded, *, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = 0

    def end() -> None:
        nonlocal signals
        signals += 1
        stop.set()
        if signals > 1:  # the second one means: now
            app.hurry()

    app = App(loaded, context.environ)
    await app.start()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, end)
    Running(app.url, os.getpid()).leave(loaded.home)
    ready = _Up(app, loaded)
    if as_json:
        json_line("up", ready.as_json())
    ready.tell()
    try:
        await stop.wait()
    finally:
        say("stopping: running answers may finish, a second Ctrl-C cuts them")
        Running.forget(loaded.home)
        await app.close()


def _detach(loaded: Loaded, host: str | None, port: int | None) -> None:
    log = loaded.home / "gateway.log"
    loaded.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "llm_gateway", "--home", str(loaded.home), "--config", str(loaded.file)]
    if not loaded.file.exists():
        command = command[:-2]
    command += [
        "up",
        *(["--host", host] if host else []),
        *(["--port", str(port)] if port is not None else []),
    ]
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as out:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    api = _await_start(loaded.home, child)
    if api is None:
        raise Stop(FAILED, f"the gateway did not start; its log: {log}")
    say(f"LLM Gateway is ready on {api.url}  (pid {api.pid}, log {log})")
    say("`llm-gateway down` stops it")


def _await_start(home: Path, child: "subprocess.Popen[bytes]") -> LocalApi | None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and child.poll() is None:
        if (api := LocalApi.find(home)) is not None:
            return api
        time.sleep(0.05)
    return None


@click.command()
@pass_context
def down(context: Context) -> None:
    """Stop the gateway that runs; answers under way may finish."""
    loaded = context.load()
    api = LocalApi.find(loaded.home)
    if api is None:
        raise Stop(NOT_RUNNING, f"no gateway runs on {loaded.home}")
    os.kill(api.pid, signal.SIGTERM)
    until = time.monotonic() + loaded.settings.server.drain_timeout + 10
    while time.monotonic() < until:
        if LocalApi.find(loaded.home) is None and not _alive(api.pid):
            say("stopped")
            return
        time.sleep(0.05)
    raise Stop(FAILED, f"the gateway (pid {api.pid}) has not ended yet; `llm-gateway status` says more")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
