"""`db`: bring the ledger up to date, and copy it while it runs."""

from pathlib import Path

import click

from llm_gateway.cli.context import Context, pass_context
from llm_gateway.cli.output import say, waiting
from llm_gateway.clock import SystemClock
from llm_gateway.ledger.copying import copy
from llm_gateway.ledger.folder import Folder
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.restoring import restore as put_back
from llm_gateway.ledger.saving import saved

__all__ = ["db"]


@click.group()
def db() -> None:
    """Keep the ledger's database in order."""


@db.command()
@pass_context
def migrate(context: Context) -> None:
    """Bring the database to this version's schema; `up` does it, too."""
    home = context.load().home
    before = saved(Folder(home))
    with waiting("the database"), offline(home, SystemClock(), _complain):
        say(f"the ledger of {home} is up to date")
    for path in saved(Folder(home)):
        if path not in before:
            say(f"a copy from before is {path}")


@db.command()
@click.argument("target", type=click.Path(path_type=Path))
@pass_context
def backup(context: Context, target: Path) -> None:
    """Copy the database to TARGET, while the gateway runs or not. Keys' digests are in it, no key is."""
    with waiting("the copy"):
        size = copy(context.load().home, target)
    say(f"copied {size} bytes to {target}")


@db.command()
@click.argument("copy", type=click.Path(path_type=Path))
@pass_context
def restore(context: Context, copy: Path) -> None:
    """Put back a COPY that `db backup` made, while no gateway runs; what it replaces is kept beside it."""
    with waiting("the copy"):
        aside = put_back(context.load().home, copy, SystemClock(), _complain)
    say(f"put back {copy}" + (f"; what was there is in {aside}" if aside is not None else ""))


def _complain(what: str, error: BaseException) -> None:
    say(f"warning: {what}: {error}")
