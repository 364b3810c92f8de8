"""`login` and `logout`: a person at a terminal does what a bridge's login asks for.

What is asked comes from the bridge, step by step. Commands of a vendor run here, in this terminal; the
gateway never sees what is typed into them, and no token passes through here.
"""

import shlex
import subprocess
import sys
import threading
import webbrowser

import click

from llm_gateway.bridges.contract import LoginStep
from llm_gateway.cli.bridge_desk import Desk, desk
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import FAILED, Stop, json_line, say

__all__ = ["login", "logout"]


@click.command()
@click.argument("bridge")
@click.option("--no-browser", is_flag=True, help="Only print addresses.")
@json_option
@pass_context
def login(context: Context, bridge: str, no_browser: bool, as_json: bool) -> None:
    """Log a bridge in with your own account at its vendor; `llm-gateway bridges` lists the bridges.

    With --json each step is a line, for a program that shows it to a person.
    """
    with desk(context) as asked:
        error = _go_through(asked, bridge, browser=not no_browser, as_json=as_json)
    if error:
        raise Stop(FAILED, f"error: {error}")
    say(f"{bridge} is logged in; `llm-gateway bridges check` shows how it is")


@click.command()
@click.argument("bridge")
@pass_context
def logout(context: Context, bridge: str) -> None:
    """Log a bridge out, where its vendor's program keeps the login."""
    with desk(context) as asked:
        state = asked.logout(bridge)
    say(f"{bridge} is logged out; it is {state} now")


def _go_through(asked: Desk, bridge: str, *, browser: bool, as_json: bool) -> str:
    """Show the steps of a login until it is over; return why it failed, "" when it did not."""
    progress, shown = asked.begin(bridge), 0
    try:
        while True:
            for step in progress.steps[shown:]:
                if as_json:
                    json_line("login", step)
                else:
                    _show(asked, bridge, step, browser=browser)
            shown = len(progress.steps)
            if progress.over:
                return progress.error
            progress = asked.after(bridge, shown)
    except KeyboardInterrupt:
        asked.call_off(bridge)
        raise


def _show(asked: Desk, bridge: str, step: LoginStep, *, browser: bool) -> None:
    """Show a step, and do what can be done for the person."""
    say(step.text)
    match step.kind:
        case "open":
            print(step.url, flush=True)
            if browser:
                webbrowser.open(step.url)
        case "code":
            print(step.url, flush=True)
            print(step.code, flush=True)
            if browser:
                webbrowser.open(step.url)
        case "run":
            say(f"$ {step.command}")
            if sys.stdin.isatty():
                subprocess.run(shlex.split(step.command), check=False)
        case "paste":
            # The browser may come back by itself meanwhile: nobody has to paste anything then.
            threading.Thread(target=_paste, args=(asked, bridge), daemon=True).start()
        case "done":
            pass


def _paste(asked: Desk, bridge: str) -> None:
    while (pasted := sys.stdin.readline().strip()) and not asked.paste(bridge, pasted):
        say("that is not the address that was asked for; paste the whole address of the last page")
