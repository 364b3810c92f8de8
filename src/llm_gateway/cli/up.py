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
from llm_gateway.cli.keys import first_key
from llm_gateway.cli.local_api import LocalApi, Running, is_alive
from llm_gateway.cli.output import FAILED, NOT_RUNNING, Stop, json_line, say, waiting
from llm_gateway.cli.restart import Rehearsal, become, hold_signals, take_signals, trial_command
from llm_gateway.config import Loaded
from llm_gateway.http.descriptors import make_room
from llm_gateway.http.handover import Inherited, read_activation

__all__ = ["down", "up"]

_START_S = 30.0
_STOP_S = 10.0


class _Up:
    """What a gateway says when it is ready."""

    def __init__(self, app: App, loaded: Loaded) -> None:
        self.url = app.url
        self.pid = os.getpid()
        self.home = str(loaded.home)
        self.first_key = app.first_key.key.reveal() if app.first_key is not None else None
        members = app.fleet.members.items()
        self.providers = sorted(name for name, each in members if each.row.bridge is None)

    def as_json(self) -> dict[str, object]:
        """Return where it is; the key is for eyes only."""
        return {"url": self.url, "pid": self.pid, "home": self.home, "already": False}

    def tell(self) -> None:
        """Say where it is, and the key, the one time it can be said."""
        say(f"LLM Gateway is ready on {self.url}  (pid {self.pid}, home {self.home})")
        say(f"  OpenAI base URL   {self.url}/v1")
        say(f"  providers         {', '.join(self.providers)}")
        say("  subscriptions     llm-gateway bridges      shows which can answer, and what helps")
        if self.first_key is not None:
            say(f"  your first key    {self.first_key}")
            say("                    shown this once; `llm-gateway keys create NAME` makes more")
        say("  next              llm-gateway smoke        sends a request and shows its row")


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 lets the system choose.")
@click.option("--detach", is_flag=True, help="Leave it running in the background.")
@click.option("--check", is_flag=True, help="Say whether it could start so; start nothing.")
@click.option("--json", "as_json", is_flag=True, help="Say that it is ready as JSON on stdout.")
@pass_context
def up(
    context: Context, host: str | None, port: int | None, detach: bool, check: bool, as_json: bool
) -> None:
    """Run the gateway until Ctrl-C."""
    inherited = read_activation(os.environ, os.getpid())
    flags = context.flags(**{"server.host": host, "server.port": port})
    loaded = context.load(**flags)
    if check:
        asyncio.run(App(loaded, context.environ, flags).check())
        say("it can start so")
        return
    found = None if inherited.restarted else LocalApi.find(loaded.home)
    if found is not None:
        say(f"already running: {found.url} (pid {found.pid})")
        if as_json:
            json_line("up", {"url": found.url, "pid": found.pid, "home": str(loaded.home), "already": True})
        return
    if detach:
        _detach(loaded, host, port, as_json=as_json)
        return
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        app = App(loaded, context.environ, flags, inherited)
        trial = trial_command(inherited.given)
        kept = runner.run(_serve(app, loaded, trial, as_json=as_json and not inherited.restarted))
    if kept is not None:
        try:
            become(kept, context.environ)
        except OSError as error:
            Running.forget(loaded.home)
            raise Stop(FAILED, f"error: the gateway ends: {sys.executable}: {error.strerror}") from error


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's, where it exists: Windows has none."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    return factory


async def _serve(app: App, loaded: Loaded, trial: list[str], *, as_json: bool) -> Inherited | None:
    """Serve until it is told to end; return what it leaves to the next program when it is told to restart."""
    told, stop = asyncio.Event(), asyncio.Event()
    kept: Inherited | None = None

    def end() -> None:
        if stop.is_set():  # the second one means: now
            app.hurry()
        stop.set()
        told.set()

    make_room(loaded.settings.server.max_connections)
    await app.start()
    try:
        _on_signals(end)
        _on_hangup(end, app.reload_soon)
        running = Running(app.url, os.getpid(), os.urandom(8).hex())
        rehearsal = Rehearsal(loaded.home, running, trial, told.set)
        app.moved = rehearsal.moved
        _on_restart(lambda: app.tasks.start("restart", rehearsal.begin()))
        take_signals()
        running.leave(loaded.home)
        ready = _Up(app, loaded)
        if as_json:
            json_line("up", ready.as_json())
        ready.tell()
        await told.wait()
        if not stop.is_set():
            say("restarting: running answers may finish, who comes meanwhile waits")
            kept = await app.hand_over(stop.is_set)
        if kept is not None:
            hold_signals()
            await asyncio.sleep(0.01)  # those that came before are heard here
    finally:
        if kept is None or stop.is_set():
            say("stopping: running answers may finish, a second Ctrl-C cuts them")
            Running.forget(loaded.home)
            await app.close()
    return None if stop.is_set() else kept


def _on_signals(end: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(name, end)
        except NotImplementedError:  # the loops of Windows
            signal.signal(name, lambda *_: loop.call_soon_threadsafe(end))


def _on_hangup(end: Callable[[], None], reload: Callable[[], None]) -> None:
    """Let SIGHUP reload the configuration; but end where it says that the terminal has gone."""
    if sys.platform == "win32":
        return
    had_terminal = _has_terminal()

    def hung_up() -> None:
        if had_terminal and not _has_terminal():
            end()
        else:
            reload()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up)


def _on_restart(begin: Callable[[], object]) -> None:
    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, begin)


def _has_terminal() -> bool:
    """Say whether this process has a terminal that controls it."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _detach(loaded: Loaded, host: str | None, port: int | None, *, as_json: bool) -> None:
    log = loaded.home / "gateway.log"
    loaded.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Made here and not by the gateway: what that one says goes to its log, and no key belongs there.
    made = first_key(loaded.home) if loaded.bootstrap_key is None else None
    if made is not None:
        say(f"your first key  {made.reveal()}")
        say("                shown this once; `llm-gateway keys create NAME` makes more")
    command = [sys.executable, "-m", "llm_gateway", "--home", str(loaded.home)]
    command += ["--config", str(loaded.file)] if loaded.file.exists() else []
    command += [
        "up",
        *(["--host", host] if host else []),
        *(["--port", str(port)] if port is not None else []),
    ]
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as out:
        before = out.tell()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    with waiting("the gateway to start"):
        api = _await_start(loaded.home, child)
    if api is None:
        told = log.read_bytes()[before:].decode("utf-8", "replace").strip()
        raise Stop(child.poll() or FAILED, f"{told}\nthe gateway did not start; its log: {log}".lstrip())
    if as_json:
        json_line("up", {"url": api.url, "pid": api.pid, "home": str(loaded.home), "already": False})
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
    until = time.monotonic() + loaded.settings.server.drain_timeout + _STOP_S
    with waiting("running answers to end"):
        while is_alive(api.pid):
            if time.monotonic() > until:
                raise Stop(FAILED, f"error: the gateway (pid {api.pid}) has not ended; its log may say why")
            time.sleep(0.02)
    say("stopped")
