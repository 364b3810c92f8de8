"""`service`: the gateway, or a desktop's companion, started by the system: shown first, and taken back."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import click

from llm_gateway.cli.context import Context, pass_context
from llm_gateway.cli.keys import first_key
from llm_gateway.cli.local_api import LocalApi
from llm_gateway.cli.output import FAILED, USAGE, Stop, say
from llm_gateway.cli.service_files import (
    Installed,
    apply,
    planned,
    read_installed,
    take_back,
    undoing,
)
from llm_gateway.cli.service_units import Kind, Service, Unit, kind_of, unit
from llm_gateway.clients.connect import CannotChange, shown
from llm_gateway.clients.connect.files import Change
from llm_gateway.config import Loaded

__all__ = ["service"]

_COMMAND_S = 120.0
_LONGER_S = 30
# What a service started by the system does not see, although this terminal does: names, never values.
_OURS = "LLM_GATEWAY_"
_KEYS = ("_API_KEY", "_TOKEN", "_AUTH_TOKEN")
_PASSED = ("LLM_GATEWAY_HOME", "LLM_GATEWAY_CONFIG")


@click.group()
def service() -> None:
    """Have the system start the gateway, or this desktop's companion, whenever you log in."""


def _companion_option(command: click.decorators.FC) -> click.decorators.FC:
    return click.option("--companion", is_flag=True, help="The companion of this desktop, not the gateway.")(
        command
    )


@service.command("print")
@_companion_option
@click.option(
    "--for", "kind", type=click.Choice(get_args(Kind)), help="For which one; this system's by default."
)
@click.option("--pm2", is_flag=True, help="The same as --for pm2.")
@pass_context
def print_(context: Context, companion: bool, kind: Kind | None, pm2: bool) -> None:
    """Print the file of the service, and change nothing."""
    wanted = _unit(context, context.load(), "pm2" if pm2 else kind or kind_of(sys.platform), companion)
    encoding = "utf-16" if wanted.kind == "windows" else "utf-8"
    print(wanted.data.decode(encoding), end="")
    if wanted.path is not None:
        say(f"its place: {wanted.path}")
    for words in wanted.start:
        say(f"then: {' '.join(words)}")
    for hint in wanted.later:
        say(f"hint: {hint}")


@service.command()
@_companion_option
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-start", is_flag=True, help="Write the file alone, and start nothing.")
@pass_context
def install(context: Context, companion: bool, dry_run: bool, yes: bool, no_start: bool) -> None:
    """Write the file of the service and start it: shown first, taken back by `service uninstall`."""
    loaded = context.load()
    wanted = _unit(context, loaded, kind_of(sys.platform), companion)
    assert wanted.path is not None, "PM2's file is printed alone"
    change = _planned(wanted.path, wanted.data)
    _show(change, wanted)
    for name in _unseen(context.environ):
        say(f"note: {name} is set here and not for the service; docs/service.md says where it belongs")
    if dry_run:
        return
    if not no_start and not companion and (api := LocalApi.find(loaded.home)) is not None:
        known = read_installed(loaded.home, _name(companion))
        if known is None:
            raise Stop(
                FAILED,
                f"error: a gateway runs on {loaded.home} already (pid {api.pid})\n"
                "hint: `llm-gateway down` stops it, `--no-start` writes the file alone",
            )
    _ask(yes, "Write this, and start it?" if not no_start else "Write this?")
    if not companion and loaded.bootstrap_key is None and (made := first_key(loaded.home)) is not None:
        # Made here and not by the service: what that one says goes to a log, and no key belongs there.
        say(f"your first key  {made.reveal()}")
        say("                shown this once; `llm-gateway keys create NAME` makes more")
    ends = Installed(str(wanted.path), None, 0, "", stop=wanted.stop, gone=wanted.gone)
    try:
        apply(loaded.home, _name(companion), change, ends)
    except CannotChange as error:
        raise Stop(FAILED, f"error: {error}") from None
    if not no_start:
        _run_all(
            wanted.start,
            context.environ,
            "hint: the file is written; `llm-gateway service uninstall` takes it back",
        )
    for hint in wanted.later:
        say(f"hint: {hint}")
    again = " --companion" if companion else ""
    say(f"done; `llm-gateway service uninstall{again}` puts everything back")


@service.command()
@_companion_option
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def uninstall(context: Context, companion: bool, dry_run: bool, yes: bool) -> None:
    """Stop the service and put its file back as it was, byte for byte."""
    home, name = context.load().home, _name(companion)
    installed = read_installed(home, name)
    if installed is None:
        say("no such service was installed from this home: there is nothing to take back")
        return
    try:
        change = undoing(installed)
    except CannotChange as error:
        raise Stop(FAILED, f"error: {error}") from None
    _show(change, None)
    if dry_run:
        return
    _ask(yes, "Stop it, and do this?")
    for words in installed.stop:
        if why := _run(words, context.environ):
            say(f"warning: {why}")  # one that was never started cannot be stopped
    try:
        take_back(home, name, installed, change)
    except CannotChange as error:
        raise Stop(FAILED, f"error: {error}") from None
    for words in installed.gone:
        if why := _run(words, context.environ):
            say(f"warning: {why}")
    say("done; its file is as it was")


def _unit(context: Context, loaded: Loaded, kind: Kind, companion: bool) -> Unit:
    environ = context.environ
    command = [_python(), "-m", "llm_gateway", "--home", str(loaded.home)]
    if loaded.file.exists() or loaded.file != loaded.home / "gateway.toml":
        command += ["--config", str(loaded.file)]
    told = Service(
        name=_name(companion),
        title="LLM Gateway companion" if companion else "LLM Gateway",
        command=(*command, "companion" if companion else "up"),
        path=environ.get("PATH", os.defpath),
        home=loaded.home,
        user_home=Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home()),
        stop_s=round(loaded.settings.server.drain_timeout) + _LONGER_S,
        user=_windows_user(environ),
        reloads=not companion,
    )
    return unit(kind, told, environ, os.getuid() if hasattr(os, "getuid") else 0)


def _name(companion: bool) -> str:
    return "llm-gateway-companion" if companion else "llm-gateway"


def _python() -> str:
    """Return the interpreter; on Windows the one that opens no window."""
    quiet = Path(sys.executable).with_name("pythonw.exe")
    return str(quiet) if quiet.exists() else sys.executable


def _windows_user(environ: Mapping[str, str]) -> str:
    names = (environ.get("USERDOMAIN", ""), environ.get("USERNAME", ""))
    return "\\".join(name for name in names if name) if names[1] else ""


def _unseen(environ: Mapping[str, str]) -> list[str]:
    return sorted(
        name
        for name in environ
        if name not in _PASSED and (name.startswith(_OURS) or name.endswith(_KEYS)) and environ[name]
    )


def _planned(path: Path, data: bytes) -> Change:
    try:
        return planned(path, data)
    except CannotChange as error:
        raise Stop(FAILED, f"error: {error}") from None


def _show(change: Change, wanted: Unit | None) -> None:
    if not change.changes:
        say(f"{change.path} is so already")
    elif wanted is not None and wanted.kind == "windows":
        print(wanted.data.decode("utf-16"), end="")
        say(f"into {change.path}")
    else:
        print(shown(change, str(change.path)))
    for words in wanted.start if wanted is not None else ():
        say(f"then: {' '.join(words)}")


def _ask(yes: bool, question: str) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Stop(USAGE, "error: nobody is here to agree\nhint: `--yes` does it, `--dry-run` only shows it")
    click.confirm(question, abort=True, err=True)


def _run_all(commands: Sequence[Sequence[str]], environ: Mapping[str, str], hint: str) -> None:
    for words in commands:
        if why := _run(words, environ):
            raise Stop(FAILED, f"error: {why}\n{hint}")


def _run(words: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run a command of the service manager; return why that failed, "" where it did not."""
    told = " ".join(words)
    program = shutil.which(words[0], path=environ.get("PATH"))
    if program is None:
        return f"{words[0]} is not on this machine, so nothing starts by itself: {told}"
    try:
        done = subprocess.run(
            [program, *words[1:]],
            check=False,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"`{told}`: {error}"
    if done.returncode == 0:
        return ""
    said = (done.stderr or done.stdout).strip().splitlines()
    return f"`{told}` failed ({done.returncode}): {said[-1] if said else 'it said nothing'}"
