"""What the documentation says of commands, paths and providers, taken from the program itself.

Each function returns one part of a page in Markdown; which part belongs where is told in `docs.py`.
"""

import asyncio
import inspect
import tempfile

import click

from llm_gateway.app import App
from llm_gateway.cli.main import leaves
from llm_gateway.cli.output import EXIT_CODES
from llm_gateway.config import load
from llm_gateway.providers.catalog import ProviderRow, load_catalog
from llm_gateway.server.routes import Route

__all__ = ["commands", "exit_codes", "providers", "routes", "table"]

_ACCESS = {
    "open": "nothing",
    "key": "a gateway key",
    "dashboard": "the dashboard token, or a session",
    "page": "a session, or the dashboard token",
    "owner": "the owner's token",
    "session": "the owner's token, or a session that the dashboard token did not begin",
}


def commands() -> str:
    """Return every command with its arguments and options."""
    return "\n\n".join(_command(name, command) for name, command in leaves())


def exit_codes() -> str:
    """Return every way in which a command ends."""
    return table(("code", "meaning"), [[str(code), meaning] for code, meaning in EXIT_CODES.items()])


def routes() -> str:
    """Return every path that the gateway answers; a gateway is started for the answer, and ended."""
    by_meaning: dict[tuple[str, str, str, str], list[str]] = {}
    for route in asyncio.run(_routes()):
        meaning = (route.method, route.access, route.summary, route.path.rpartition("/")[2])
        by_meaning.setdefault(meaning, []).append(_place(route.path))
    methods: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (method, access, summary, _), paths in by_meaning.items():
        methods.setdefault((access, summary, tuple(paths)), []).append(method)
    rows = [
        [
            f"`{', '.join(each)} {paths[0]}`",
            summary,
            _ACCESS[access],
            ", ".join(f"`{path}`" for path in paths[1:]),
        ]
        for (access, summary, paths), each in methods.items()
    ]
    return table(("path", "what it answers", "needs", "also as"), rows)


def providers() -> str:
    """Return every provider of the catalog."""
    rows = [
        [f"`{row.name}`", f"[{row.label}]({row.docs})" if row.docs else row.label, *_reached(row)]
        for row in load_catalog()
    ]
    return table(("name", "provider", "speaks", "is there when", "key in"), rows)


def _command(name: str, command: click.Command) -> str:
    arguments = [each.make_metavar(click.Context(command)) for each in command.params if _is_argument(each)]
    shown = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    lines = [f"### `{' '.join([name, *arguments])}`", "", inspect.cleandoc(command.help or "")]
    if shown:
        rows = [[f"`{_spelling(option)}`", _meaning(option)] for option in shown]
        lines += ["", table(("option", "what it is"), rows)]
    return "\n".join(lines)


def _is_argument(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Argument)


def _spelling(option: click.Option) -> str:
    name = option.opts[0]
    return name if option.is_flag else f"{name} {option.type.name.split()[0].upper()}"


def _meaning(option: click.Option) -> str:
    text = option.help or ""
    return f"{text} By default {option.default}." if option.show_default else text


async def _routes() -> tuple[Route, ...]:
    with tempfile.TemporaryDirectory() as home:
        environ = {"LLM_GATEWAY_HOME": home}
        app = App(load(flags={"server.port": 0}, environ=environ), environ)
        await app.start()
        await app.close()
        return app.routes


def _place(path: str) -> str:
    return path.replace("{}", "{id}")


def _reached(row: ProviderRow) -> tuple[str, str, str]:
    speaks = ", ".join(f"`{dialect}`" for dialect in row.dialects)
    keys = " or ".join(f"`{name}`" for name in row.api_key_env)
    if row.kind == "local":
        ports = ", ".join(str(port) for port in row.ports)
        address = "".join(f", or `{name}` is set" for name in row.base_url_env)
        return speaks, f"it answers on port {ports} of this machine{address}", f"{keys}, if it wants one"
    if row.kind == "hosted":
        return speaks, "its key is set", keys
    if row.login is not None:
        return speaks, "a client brings its own login ([logins.md](logins.md))", "the client's own"
    return speaks, "it is installed: it is part of the gateway", "none"


def table(titles: tuple[str, ...], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [list(titles), ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
