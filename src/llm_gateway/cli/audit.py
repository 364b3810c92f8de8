"""`audit`: what was administered, read from the home's log whether or not a gateway runs; and its check."""

from datetime import UTC, datetime
from pathlib import Path

import click

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import FAILED, Stop, json_line, say, table
from llm_gateway.cli.reading import since_us
from llm_gateway.clock import SystemClock
from llm_gateway.ledger.audit import AuditLog, Entry

__all__ = ["audit", "on_record"]

_TITLES = ("SEQ", "AT", "ACTOR", "ACTION", "TARGET", "DETAIL")


@click.group(invoke_without_command=True)
@click.option("--since", default="", help="Only lines of this time, such as 30m, 24h or 7d.")
@json_option
@click.pass_context
def audit(click_context: click.Context, since: str, as_json: bool) -> None:
    """Show what was done to keys, settings and stored things, the newest last."""
    if click_context.invoked_subcommand is not None:
        return
    context = click_context.find_object(Context)
    assert context is not None
    log = AuditLog(context.load().home, SystemClock())
    found = log.entries(_iso(since_us(since)))
    if as_json:
        json_line("audit", {"entries": found})
    else:
        table(_TITLES, map(_cells, found))
        if not found:
            say("nothing was administered in that time")
    broken = log.verify().broken
    if broken is not None:
        say(f"warning: line {broken.line} of {log.path}: {broken.why}\nhint: `llm-gateway audit verify`")


@audit.command()
@json_option
@pass_context
def verify(context: Context, as_json: bool) -> None:
    """Check that no line was altered, taken out, put in or cut off; exit 1 names the first that was."""
    log = AuditLog(context.load().home, SystemClock())
    verdict = log.verify()
    if as_json:
        json_line("audit-verdict", verdict)
    if verdict.broken is not None:
        why = f"error: {log.path}: line {verdict.broken.line}: {verdict.broken.why}"
        raise Stop(FAILED, "" if as_json else why)
    if as_json:
        return
    begins = f", from entry {verdict.first} on" if verdict.first > 1 else ""
    say(f"{verdict.lines} lines are whole{begins}; the last one's hash is {verdict.hash}")
    if verdict.unfinished:
        say("half a line follows: what it would have told of was not done, and the next line takes its place")


def on_record(home: Path, action: str, target: str, **detail: str | int) -> None:
    """Write a line for what a command is about to do; AuditUnavailable ends the command before."""
    AuditLog(home, SystemClock()).write(action, target, **detail)


def _cells(entry: Entry) -> list[object]:
    detail = " ".join(f"{name}={value}" for name, value in entry.detail.items())
    return [entry.seq, entry.at, entry.actor, entry.action, entry.target, detail]


def _iso(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if us else ""
