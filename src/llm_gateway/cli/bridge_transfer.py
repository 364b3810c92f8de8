"""Move the sign-in with ChatGPT to a machine without a browser: out of one home, by a file, into another."""

import asyncio
import sys
from pathlib import Path

import click

from llm_gateway.bridges.chatgpt.keeping import Store, open_store
from llm_gateway.bridges.chatgpt.transfer import export_login, import_login
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.cli.audit import on_record
from llm_gateway.cli.context import Context, pass_context
from llm_gateway.cli.output import FAILED, Stop, say
from llm_gateway.vault import Secret

__all__ = ["move_in", "move_out"]

_BRIDGE = "chatgpt"


@click.command("move-out")
@click.argument("file", type=click.Path(path_type=Path))
@pass_context
def move_out(context: Context, file: Path) -> None:
    """Move the sign-in with ChatGPT into FILE; prints the code that opens it, this once.

    This machine is signed out by it: from then on the other one renews what it holds.
    """
    home = context.load().home
    on_record(home, "bridge.move_out", _BRIDGE)
    try:
        code = asyncio.run(export_login(_store(context, home), file))
    except BridgeFault as fault:
        raise Stop(FAILED, f"error: {fault.message}") from None
    print(code.reveal())
    say(f"{file} holds the sign-in; take it to the other machine, over ssh for one, and there:")
    say(f"  llm-gateway bridges move-in {file.name}")


@click.command("move-in")
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@pass_context
def move_in(context: Context, file: Path) -> None:
    """Take a sign-in with ChatGPT over from FILE, which goes away; asks for its code."""
    home = context.load().home
    if sys.stdin.isatty():
        code = str(click.prompt("Code", hide_input=True, err=True))
    else:
        code = sys.stdin.readline().strip()
    on_record(home, "bridge.move_in", _BRIDGE)
    try:
        asyncio.run(import_login(_store(context, home), file, Secret(code)))
    except BridgeFault as fault:
        raise Stop(FAILED, f"error: {fault.message}") from None
    say("the sign-in is here now; `llm-gateway bridges check` shows how it is")


def _store(context: Context, home: Path) -> Store:
    return open_store(home / "bridges" / _BRIDGE, context.environ)
