"""`statusline`: one line for a terminal agent's status bar. What makes it quick is `glance.py`.

That module answers where nothing but the line is wanted; here are the other ways to ask for it.
"""

import shlex
import sys
from pathlib import Path

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.glance import ask, said_by_agent
from llm_gateway.cli.output import json_line
from llm_gateway.config import default_home

__all__ = ["setup_for", "statusline"]


@click.command()
@click.option("--print-setup", is_flag=True, help="Print what to put into Claude Code's settings.json.")
@json_option
@pass_context
def statusline(context: Context, print_setup: bool, as_json: bool) -> None:
    """Print one line: tokens and cost today and in this conversation, and how much of a subscription is used.

    Made for a terminal agent's status bar: the JSON that Claude Code writes to stdin says which conversation
    it is. It answers within a second and always ends well; a gateway that is down is said in the line.
    """
    home = context.load().home
    if print_setup:
        print(setup_for(home))
        return
    told = ask(str(home), said_by_agent())
    if as_json:
        json_line("statusline", told)
    else:
        print(told["line"])


def setup_for(home: Path) -> str:
    """Return the part of Claude Code's settings (code.claude.com, "Customize your status line")."""
    program = Path(sys.argv[0]).absolute()
    words = [str(program)] if program.name == "llm-gateway" else [sys.executable, "-m", "llm_gateway"]
    words.append("statusline")
    if home != default_home():
        words += ["--home", str(home)]
    setup = {"statusLine": {"type": "command", "command": shlex.join(words)}}
    return msgspec.json.format(msgspec.json.encode(setup), indent=2).decode()
