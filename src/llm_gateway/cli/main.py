"""The command `llm-gateway`: its options, its verbs, and where a command's end becomes an exit code."""

import sys

import click

from llm_gateway import __version__
from llm_gateway.cli.bridges import bridges
from llm_gateway.cli.config import config
from llm_gateway.cli.context import Context
from llm_gateway.cli.database import db
from llm_gateway.cli.first_aid import doctor, smoke
from llm_gateway.cli.keys import keys
from llm_gateway.cli.look import models, providers, requests, status
from llm_gateway.cli.migration import import_
from llm_gateway.cli.output import Stop, say
from llm_gateway.cli.up import down, up

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", help="Data folder; else LLM_GATEWAY_HOME, else the platform's place.")
@click.option(
    "--config",
    "config_file",
    help="Configuration file; else LLM_GATEWAY_CONFIG, else gateway.toml in the home.",
)
@click.version_option(__version__, prog_name="llm-gateway")
@click.pass_context
def cli(context: click.Context, home: str | None, config_file: str | None) -> None:
    """One address for every AI client, in front of local models, subscriptions and API keys.

    Exit codes: 0 ok, 1 failed, 2 usage, 3 degraded, 4 login needed, 5 gateway not running, 6 refused by
    policy, 130 interrupted.
    """
    context.obj = Context({"home": home, "config": config_file})


for _command in (
    up,
    down,
    status,
    doctor,
    smoke,
    models,
    providers,
    requests,
    keys,
    config,
    db,
    bridges,
    import_,
):
    cli.add_command(_command)


def main() -> None:
    """Run a command and end the process with its exit code."""
    try:
        code = cli.main(standalone_mode=False)
    except Stop as stop:
        if stop.message:
            say(stop.message)
        code = stop.code
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nobody is left to complain to
        code = 0
    sys.exit(code)
