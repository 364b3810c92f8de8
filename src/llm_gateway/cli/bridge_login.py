"""`login` and `logout`: a person at a terminal does what a bridge's login asks for.

What is asked comes from the gateway, step by step. Commands of a vendor run here, in this terminal; the
gateway never sees what is typed into them, and no token passes through here.
"""

import shlex
import subprocess
import sys
import threading
import webbrowser

import click
import msgspec

from llm_gateway.bridges.contract import LoginStep
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.local_api import LocalApi
from llm_gateway.cli.output import FAILED, Stop, json_line, say
from llm_gateway.server.bridges_api import LoginView

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
    api = context.api()
    path = f"/api/bridge-logins/{bridge}"
    progress = _view(api.call("POST", path))
    shown = 0
    try:
        while True:
            for step in progress.steps[shown:]:
                if as_json:
                    json_line("login", step)
                else:
                    _show(api, path, step, browser=not no_browser)
            shown = len(progress.steps)
            if progress.over:
                break
            progress = _view(api.get(path, seen=str(shown)))
    except KeyboardInterrupt:
        api.call("DELETE", path)
        raise
    if progress.error:
        raise Stop(FAILED, f"error: {progress.error}")
    say(f"{bridge} is logged in; `llm-gateway bridges check` shows how it is")


@click.command()
@click.argument("bridge")
@pass_context
def logout(context: Context, bridge: str) -> None:
    """Log a bridge out, where its vendor's program keeps the login."""
    told = context.api().call("POST", f"/api/bridge-logouts/{bridge}")
    say(f"{bridge} is logged out; it is {told['state']} now")


def _view(told: dict[str, object]) -> LoginView:
    return msgspec.convert(told, LoginView)


def _show(api: LocalApi, path: str, step: LoginStep, *, browser: bool) -> None:
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
            threading.Thread(target=_paste, args=(api, path), daemon=True).start()
        case "done":
            pass


def _paste(api: LocalApi, path: str) -> None:
    pasted = sys.stdin.readline().strip()
    if pasted:
        reply = api.send("PUT", path, msgspec.json.encode({"text": pasted}))
        if reply.status >= 400:
            say("that is not the address that was asked for; paste the whole address of the last page")
            _paste(api, path)
