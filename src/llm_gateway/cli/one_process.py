"""`run` and `env`: the settings of an application for one process, as variables; nothing of it is written."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import PurePath
from typing import Literal

import click

from llm_gateway.cli.context import Context, pass_context
from llm_gateway.cli.output import FAILED, USAGE, Stop, say
from llm_gateway.cli.own_keys import own_key
from llm_gateway.cli.wishes import row_of, wish_for, words_for
from llm_gateway.clients.catalog import Client, catalog
from llm_gateway.clients.connect import Wish, read_record, variables_of
from llm_gateway.clients.edits.shell import export_line

__all__ = ["env", "run"]

_ANY = "openai-compatible"
_ENDINGS = (".exe", ".cmd", ".bat", ".ps1")
_POINTS = ("{url}", "{base}", "{host}")

_way = click.option(
    "--way", type=click.Choice(["key", "login"]), help="By a key of the gateway's, or its own login."
)
_model = click.option("--model", metavar="NAME", help="The model, where one has to be named.")


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--client", metavar="ID", help="Which application it is, where its name does not say so.")
@_way
@_model
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD…")
@pass_context
def run(
    context: Context,
    client: str | None,
    way: Literal["key", "login"] | None,
    model: str | None,
    command: tuple[str, ...],
) -> None:
    """Run one command with an application's variables set; its settings stay as they are.

    The command takes the place of this one: its exit code and its signals are its own.
    """
    row = row_of(client) if client else _row_of(command[0])
    variables = _variables(context, wish_for(row, way), model)
    environ = {**context.environ, **variables}
    sys.stdout.flush()
    try:
        if os.name == "posix":
            os.execvpe(command[0], command, environ)  # noqa: S606  a command that a person typed, no shell
        done = subprocess.run(command, check=False, env=environ)
    except OSError as error:
        raise Stop(FAILED, f"error: {command[0]} cannot be run: {error.strerror}") from None
    raise Stop(done.returncode, "")


@click.command()
@click.argument("client")
@_way
@_model
@click.option("--telemetry", is_flag=True, help="With the variables that make it report its use.")
@click.option(
    "--shell",
    type=click.Choice(["sh", "fish", "powershell", "cmd"]),
    default="powershell" if os.name == "nt" else "sh",
    show_default=True,
    help="For which shell.",
)
@pass_context
def env(context: Context, /, client: str, shell: str, telemetry: bool, **chosen: str | None) -> None:
    """Print the variables that connect an application, its key among them, for `eval` in a shell."""
    way = chosen["way"]
    wish = wish_for(
        row_of(client), "login" if way == "login" else "key" if way else None, telemetry=telemetry
    )
    for name, value in _variables(context, wish, chosen["model"]).items():
        print(_line(shell, name, value))


def _row_of(program: str) -> Client:
    """Return the application that a command is, else the one that stands for any."""
    name = PurePath(program.replace("\\", "/")).name
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    found = next((row for row in catalog().values() if name in row.commands), None)
    if found is None:
        say(f"{name} is no application that is known; it gets the variables of any OpenAI-compatible one")
        return catalog()[_ANY]
    return row_of(found.id)


def _variables(context: Context, wish: Wish, model: str | None) -> Mapping[str, str]:
    row, loaded = wish.row, context.load()
    if not any(point in value for value in wish.way.env.values() for point in _POINTS):
        record = read_record(loaded.home, row.id)
        if record is None or record.way != wish.name:
            hint = f"hint: `llm-gateway connect {row.id} --way {wish.name}` changes its settings"
            raise Stop(FAILED, f"error: {row.label} is pointed elsewhere by no variable\n{hint}")
    api = context.api_or_none()
    words_for(wish, "", loaded, api, model)  # says what is missing before a key is made
    key = own_key(context, row.id).key
    return variables_of(wish, words_for(wish, key, loaded, api, model))


def _line(shell: str, name: str, value: str) -> str:
    if "\n" in value or "\r" in value:
        raise Stop(USAGE, f"error: the value of {name} has several lines, which no line can set")
    match shell:
        case "fish":
            escaped = value.replace("\\", "\\\\").replace("'", "\\'")
            return f"set -gx {name} '{escaped}'"
        case "powershell":
            return f"$env:{name} = '{value.replace(chr(39), chr(39) * 2)}'"
        case "cmd":
            return f'set "{name}={value}"'
        case _:
            return export_line(name, value)
