"""The command `llm-gateway`: its options, its verbs, and where a command's end becomes an exit code."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence

import click

from llm_gateway import __version__
from llm_gateway.cli.bridges import bridges
from llm_gateway.cli.config import config
from llm_gateway.cli.context import Context, which_options
from llm_gateway.cli.database import db
from llm_gateway.cli.doctor import doctor
from llm_gateway.cli.keys import keys
from llm_gateway.cli.look import explain, models, open_, providers, requests, status
from llm_gateway.cli.migration import import_
from llm_gateway.cli.output import FAILED, INTERRUPTED, OK, REFUSED, Stop, say
from llm_gateway.cli.smoke import smoke
from llm_gateway.cli.up import down, up
from llm_gateway.errors import ConfigError, GatewayError, RefusedByPolicy
from llm_gateway.ledger.reader import QueryTooSlow

__all__ = ["cli", "leaves", "main", "run"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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


_COMMANDS: tuple[click.Command, ...] = (
    up,
    down,
    status,
    doctor,
    smoke,
    open_,
    models,
    providers,
    explain,
    requests,
    keys,
    config,
    db,
    bridges,
    import_,
)


def leaves(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, with its whole name."""
    for name, command in sorted(group.commands.items()):
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{before}{name}", command
        if isinstance(command, click.Group):
            yield from leaves(command, f"{before}{name} ")


for _command in _COMMANDS:
    cli.add_command(_command)
for _, _command in leaves(cli):
    _command.params.extend(which_options())


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
