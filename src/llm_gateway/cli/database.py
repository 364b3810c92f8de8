"""`db`: bring the ledger up to date, copy it while it runs, check its sums, let go of what is old."""

from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from llm_gateway.cli.audit import on_record
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import FAILED, USAGE, Stop, complain, json_line, say, waiting
from llm_gateway.clock import SystemClock
from llm_gateway.ledger.checking import MOST
from llm_gateway.ledger.checking import check as differences
from llm_gateway.ledger.copying import copy
from llm_gateway.ledger.folder import Folder
from llm_gateway.ledger.opening import offline, reading
from llm_gateway.ledger.pruning import begin_of, due, prune
from llm_gateway.ledger.rebuilding import rebuild, whole_since
from llm_gateway.ledger.restoring import restore as put_back
from llm_gateway.ledger.saving import saved
from llm_gateway.server.ledger_api import PruneView

__all__ = ["db"]

_MOST_DAYS = 36_500


@click.group()
def db() -> None:
    """Keep the ledger's database in order."""


@db.command()
@pass_context
def migrate(context: Context) -> None:
    """Bring the database to this version's schema; `up` does it, too."""
    home = context.load().home
    before = saved(Folder(home))
    with waiting("the database"), offline(home, SystemClock(), complain):
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
        aside = put_back(context.load().home, copy, SystemClock(), complain)
    say(f"put back {copy}" + (f"; what was there is in {aside}" if aside is not None else ""))


@db.command()
@json_option
@pass_context
def check(context: Context, as_json: bool) -> None:
    """Hold the sums by hour, day and month against the turns, while the gateway runs or not."""
    with waiting("the sums"), reading(context.load().home, SystemClock(), complain) as rows:
        found = differences(rows)
        since = whole_since(rows)
    if as_json:
        json_line("db-check", {"whole_since": _iso(since), "differences": found})
    for each in found:
        say(f"{each.table} {each.at}: {'missing' if each.missing else 'not right'}: {' '.join(each.row)}")
    if found:
        more = " or more" if len(found) >= MOST else ""
        raise Stop(FAILED, f"error: {len(found)}{more} sums are wrong\nhint: `llm-gateway db rebuild`")
    say("the sums are what the turns say" + (f", from {_iso(since)} on" if since else ""))


@db.command("rebuild")
@pass_context
def rebuild_sums(context: Context) -> None:
    """Make the sums by hour, day and month anew from the turns, while no gateway runs."""
    home = context.load().home
    with waiting("the sums"), offline(home, SystemClock(), complain) as store:
        on_record(home, "database.rebuild", "sums")
        days = rebuild(store)
    say(f"made the sums of {days} days anew")


@db.command("prune")
@click.option(
    "--older-than", default="", metavar="DAYS", help="Such as 90d; else what `ledger.keep_days` says."
)
@click.option("--dry-run", is_flag=True, help="Only say how much would go.")
@json_option
@pass_context
def prune_turns(context: Context, older_than: str, dry_run: bool, as_json: bool) -> None:
    """Delete turns that are old, while the gateway runs or not; sums and prices of them stay."""
    loaded = context.load()
    days = _days(older_than) if older_than else loaded.settings.ledger.keep_days
    if not days:
        raise Stop(USAGE, "error: nothing says how old: give `--older-than 90d`, or set `ledger.keep_days`")
    api = context.api_or_none()
    if api is not None:
        wanted = {"older_than_days": days, "dry_run": dry_run}
        view = msgspec.convert(api.call("POST", "/api/ledger/prune", wanted), PruneView)
    else:
        view = _prune_offline(loaded.home, days, dry_run)
    if as_json:
        json_line("db-prune", view)
    told = f"{view.turns} turns and {view.sightings} reports of clients from before {view.before}"
    if dry_run:
        say(f"would delete {told}")
    else:
        say(f"{'deleted' if api is None else 'deletes'} {told}; the room is used again")


def _prune_offline(home: Path, days: int, dry_run: bool) -> PruneView:
    with waiting("the database"), offline(home, SystemClock(), complain) as store:
        before_us = begin_of(days, SystemClock().now_us())
        found = due(store, before_us)
        if not dry_run and (found.turns or found.sightings):
            on_record(home, "ledger.prune", f"older than {days} days")
            found = prune(store, before_us)
    return PruneView(_iso(before_us), found.turns, found.sightings, dry_run)


def _days(text: str) -> int:
    amount = text.removesuffix("d")
    if not amount.isdecimal() or not 1 <= int(amount[:6]) <= _MOST_DAYS:
        raise Stop(USAGE, f"error: --older-than {text!r} is not a number of days like 90d")
    return int(amount)


def _iso(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
