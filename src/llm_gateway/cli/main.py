"""The command `llm-gateway`: its options, its verbs, and where a command's end becomes an exit code."""

import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence

import click

from llm_gateway import __version__
from llm_gateway.cli.context import Context, which_options
from llm_gateway.cli.output import FAILED, INTERRUPTED, OK, REFUSED, Stop, say
from llm_gateway.errors import ConfigError, GatewayError, RefusedByPolicy
from llm_gateway.ledger.reader import QueryTooSlow

__all__ = ["cli", "leaves", "main", "run"]

# Each verb, the module of this folder that it is in, and its name there.
_VERBS: Mapping[str, tuple[str, str]] = {
    "up": ("up", "up"),
    "down": ("up", "down"),
    "restart": ("restart", "restart"),
    "status": ("look", "status"),
    "compress": ("compress", "compress"),
    "doctor": ("doctor", "doctor"),
    "smoke": ("smoke", "smoke"),
    "open": ("look", "open_"),
    "models": ("look", "models"),
    "providers": ("look", "providers"),
    "explain": ("look", "explain"),
    "usage": ("usage", "usage"),
    "savings": ("savings", "savings"),
    "statusline": ("statusline", "statusline"),
    "export": ("export", "export"),
    "prices": ("prices", "prices"),
    "calibration": ("calibration", "calibration"),
    "requests": ("look", "requests"),
    "clients": ("clients", "clients"),
    "connect": ("connect", "connect"),
    "disconnect": ("connect", "disconnect"),
    "run": ("one_process", "run"),
    "env": ("one_process", "env"),
    "keys": ("keys", "keys"),
    "content": ("content", "content"),
    "config": ("config", "config"),
    "db": ("database", "db"),
    "audit": ("audit", "audit"),
    "bridges": ("bridges", "bridges"),
    "subscriptions": ("subscriptions", "subscriptions"),
    "companion": ("companion", "companion"),
    "companions": ("companion", "companions"),
    "enroll": ("companion", "enroll"),
    "login": ("bridge_login", "login"),
    "logout": ("bridge_login", "logout"),
    "service": ("service", "service"),
    "import": ("migration", "import_"),
}


class _Verbs(click.Group):
    """The verbs, each loaded when it is asked for: a gateway that runs keeps no other verb in memory."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all verbs."""
        return sorted(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb; --home and --config may stand behind it, too."""
        if cmd_name not in self.commands and cmd_name in _VERBS:
            module, name = _VERBS[cmd_name]
            command = vars(importlib.import_module(f"llm_gateway.cli.{module}"))[name]
            self.add_command(command, cmd_name)
            for _, leaf in _leaves_of(cmd_name, command):
                leaf.params.extend(which_options())
        return self.commands.get(cmd_name)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", help="Data folder; else LLM_GATEWAY_HOME, else the platform's place.")
@click.option("--config", help="Configuration file; else LLM_GATEWAY_CONFIG, else gateway.toml in the home.")
@click.version_option(__version__, prog_name="llm-gateway")
@click.pass_context
def cli(context: click.Context, home: str | None, config: str | None) -> None:
    """One address for every AI client, in front of local models, subscriptions and API keys.

    --home and --config may also stand behind a command.

    Exit codes: 0 ok, 1 failed, 2 usage, 3 degraded, 4 login needed, 5 gateway not running, 6 refused by
    policy, 130 interrupted.
    """
    context.obj = Context({"home": home, "config": config}, context.obj)


def leaves() -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, with its whole name."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        yield from _leaves_of(name, command)


def _leaves_of(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield name, command
    if isinstance(command, click.Group):
        for below, each in sorted(command.commands.items()):
            yield from _leaves_of(f"{name} {below}", each)


def main() -> None:
    """Run the command that this process was started with, and end it with the command's exit code."""
    sys.exit(run(sys.argv[1:], os.environ))


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command in this environment and return its exit code."""
    try:
        code: int | None = cli.main(
            list(arguments), prog_name="llm-gateway", standalone_mode=False, obj=environ
        )
        sys.stdout.flush()
    except Stop as stop:
        if stop.message:
            say(stop.message)
        return stop.code
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except RefusedByPolicy as error:
        say(f"error: {error}\nhint: docs/exposure.md has the whole table")
        return REFUSED
    except (ConfigError, GatewayError, QueryTooSlow) as error:
        say(f"error: {error}")
        return FAILED
    except (BrokenPipeError, SystemExit):
        # The reader of our output has gone (`| head`); click tells so by SystemExit. Nobody is left to be
        # told, and what still waits to be written must not fail at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        say(f"error: {error}")
        return FAILED
    return code or OK
