"""`db`: bring the ledger up to date, and copy it while it runs."""

from pathlib import Path

import click

from llm_gateway.cli.context import Context, pass_context
from llm_gateway.cli.output import FAILED, Stop, say
from llm_gateway.clock import SystemClock
from llm_gateway.errors import ConfigError
from llm_gateway.ledger.copying import copy
from llm_gateway.ledger.opening import offline

__all__ = ["db"]


@click.group()
def db() -> None:
    """Keep the ledger's database in order."""


@db.command()
@pass_context
def migrate(context: Context) -> None:
    """Bring the database to this version's schema; `up` does it, too."""
    home = context.load().home
    try:
        with offline(home, SystemClock(), _complain):
            say(f"the ledger of {home} is up to date")
    except ConfigError as error:
        raise Stop(FAILED, f"error: {error}") from None


@db.command()
@click.argument("target", type=click.Path(path_type=Path))
@pass_context
def backup(context: Context, target: Path) -> None:
    """Copy the database to TARGET, while the gateway runs or not. Keys' digests are in it, no key is."""
    home = context.load().home
    try:
        size = copy(home, target)
    except ConfigError as error:
        raise Stop(FAILED, f"error: {error}") from None
    say(f"copied {size} bytes to {target}")


def _complain(what: str, error: BaseException) -> None:
    say(f"warning: {what}: {error}")
