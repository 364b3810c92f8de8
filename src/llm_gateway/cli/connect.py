"""`connect` and `disconnect`: an application's settings pointed at the gateway, shown first, and put back."""

import sys
from pathlib import Path
from typing import Literal, TypedDict, Unpack

import click
import msgspec

from llm_gateway.cli.connect_check import Checked, check
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import DEGRADED, FAILED, USAGE, Stop, json_line, say
from llm_gateway.cli.own_keys import end_own_key, known_key, own_key
from llm_gateway.cli.wishes import row_of, wish_for, words_for
from llm_gateway.clients import connect as connecting
from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.connect import PLACEHOLDER, CannotChange, Plan, Record, Wish, Words
from llm_gateway.clients.connections import FileShown, PutBack
from llm_gateway.clients.machine import Machine, this_machine
from llm_gateway.clock import SystemClock

__all__ = ["connect", "disconnect"]

_WAYS = {
    "key": "by a key of the gateway's in place of its vendor's",
    "login": "by its own login, which is passed on to its vendor",
}
_OTHER = {
    "key": "`--way login` keeps its own login, which is passed on to its vendor",
    "login": "`--way key` gives it a key of the gateway's in its place",
}


class _Asked(TypedDict):
    way: Literal["key", "login"] | None
    dry_run: bool
    yes: bool
    model: str | None
    telemetry: bool
    verify: bool | None


@click.command()
@click.argument("client")
@click.option(
    "--way", type=click.Choice(["key", "login"]), help="By a key of the gateway's, or its own login."
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--model", metavar="NAME", help="The model that it is set to, where it has to be set to one.")
@click.option("--telemetry", is_flag=True, help="Have it report its use, so that what passes by is counted.")
@click.option(
    "--verify/--no-verify", default=None, help="Whether to ask it one question and look for it here."
)
@json_option
@pass_context
def connect(context: Context, /, client: str, as_json: bool, **asked: Unpack[_Asked]) -> None:
    """Point an application at the gateway: show what changes, change it, and keep what was there.

    `disconnect` puts every byte of it back.
    """
    row = row_of(client)
    wish = wish_for(row, asked["way"], telemetry=asked["telemetry"])
    loaded, api, machine = context.load(), context.api_or_none(), this_machine(context.environ)
    known = known_key(context, row.id)
    key = known.key if known else PLACEHOLDER
    words = words_for(wish, key, loaded, api, asked["model"])
    planned = _plan(wish, machine, words, loaded.home)
    if not as_json:
        _show(planned, machine)
    if asked["dry_run"]:
        if as_json:
            steps = connecting.steps_left(wish, words)
            json_line("connect", {**_told(planned, machine), "applied": False, "steps": steps})
        return
    if planned.changes and not asked["yes"]:
        _ask(as_json=as_json)
    own = own_key(context, row.id)
    words = msgspec.structs.replace(words, key=own.key)
    planned = _plan(wish, machine, words, loaded.home)
    if not connecting.stands(planned, connecting.read_record(loaded.home, row.id), own.id):
        _apply(planned, loaded.home, own.id)
    checked = check(api, wish, words, machine, wanted=asked["verify"])
    if as_json:
        steps = connecting.steps_left(wish, words)
        told = {**_told(planned, machine), "applied": True, "key_id": own.id, "steps": steps}
        json_line("connect", {**told, "verified": checked})
    else:
        _tell(wish, words, machine, checked)
    if checked is not None and not checked.captured:
        raise Stop(DEGRADED, f"warning: it is connected, but {checked.found}\nhint: {checked.hint}")


@click.command()
@click.argument("client", required=False)
@click.option("--all", "every", is_flag=True, help="Every application that is connected.")
@click.option("--dry-run", is_flag=True, help="Show what would be put back, and change nothing.")
@json_option
@pass_context
def disconnect(context: Context, client: str | None, every: bool, dry_run: bool, as_json: bool) -> None:
    """Put an application's settings back as they were, and end its key.

    What others wrote into them since stays; then only the settings of the gateway are taken out.
    """
    if every == (client is not None):
        raise Stop(USAGE, "error: name one application, or --all")
    home, machine = context.load().home, this_machine(context.environ, ())
    found = connecting.records(home) if client is None else _record(home, client)
    told, failed = [], list[str]()
    for record in found:
        shown = connecting.put_back(record, machine) if dry_run or as_json else PutBack()
        for each in shown.failed:
            say(f"warning: {each}")
        undone = None if dry_run else connecting.undo(record, home)
        if undone is not None and not undone.failed:
            end_own_key(context, record.client, record.key_id)
        told.append({"client": record.client, "files": shown.files, "said": undone.said if undone else ()})
        failed += undone.failed if undone else ()
        if not as_json:
            _tell_undone(record, shown.files, undone)
    if client is not None and not found and not (dry_run or end_own_key(context, _id(client))):
        raise Stop(FAILED, f"error: {client} is not connected\nhint: `llm-gateway clients` says what is")
    if as_json:
        json_line("disconnect", {"clients": told, "applied": not dry_run, "failed": failed})
    elif not found:
        say(
            "nothing is connected" if client is None else f"the key of {client} is ended; it had nothing else"
        )
    if failed:
        raise Stop(FAILED, "\n".join(f"error: {each}" for each in failed))


def _plan(wish: Wish, machine: Machine, words: Words, home: Path) -> Plan:
    try:
        return connecting.plan(wish, machine, words, home, connecting.read_record(home, wish.row.id))
    except CannotChange as error:
        raise Stop(FAILED, f"error: {error}") from None


def _apply(planned: Plan, home: Path, key_id: str) -> None:
    try:
        connecting.apply(planned, home, key_id, SystemClock().now_us())
    except CannotChange as error:
        hint = f"hint: `llm-gateway disconnect {planned.wish.row.id}` takes back what was done"
        raise Stop(FAILED, f"error: {error}\n{hint}") from None


def _ask(*, as_json: bool) -> None:
    if as_json or not sys.stdin.isatty():
        raise Stop(USAGE, "error: nobody is here to agree\nhint: `--yes` does it, `--dry-run` only shows it")
    click.confirm("Change this?", abort=True, err=True)


def _show(planned: Plan, machine: Machine) -> None:
    """Say by which way, and print the diff."""
    wish = planned.wish
    other = _OTHER[wish.name] if len(wish.row.ways) > 1 else "it has no other way"
    say(f"{wish.row.label}, {_WAYS[wish.name]}; {other}")
    for said in planned.said:
        say(said)
    for file in connecting.files_of(planned, machine):
        if file.diff:
            print(file.diff)
    if wish.files and not planned.changes:
        say("its settings are so already")


def _told(planned: Plan, machine: Machine) -> dict[str, object]:
    wish = planned.wish
    return {
        "client": wish.row.id,
        "way": wish.name,
        "changes": planned.changes,
        "files": list(connecting.files_of(planned, machine)),
        "said": planned.said,
        "note": wish.way.note,
        "restart": wish.way.restart,
    }


def _tell(wish: Wish, words: Words, machine: Machine, checked: Checked | None) -> None:
    """Say what is left to do, and what came of the question."""
    for step in connecting.steps_left(wish, words):
        print(f"then: {step}")
    if wish.way.note:
        say(f"note: {wish.way.note}")
    if wish.telemetry and wish.row.telemetry and wish.row.telemetry.env and not wish.row.telemetry.files:
        say(f"its telemetry is set by variables: `llm-gateway env {wish.row.id} --telemetry` prints them")
    if wish.way.restart and any(each.name in wish.row.processes for each in machine.processes):
        say(f"it runs, and reads its settings when it starts: restart {wish.row.label}")
    if checked is not None and checked.captured:
        say(checked.found)
    say(f"done; `llm-gateway disconnect {wish.row.id}` puts everything back")


def _id(client: str) -> str:
    row = catalog().get(client)
    return row.part_of or row.id if row else client


def _record(home: Path, client: str) -> list[Record]:
    record = connecting.read_record(home, _id(client))
    return [record] if record else []


def _tell_undone(record: Record, files: tuple[FileShown, ...], undone: connecting.Undone | None) -> None:
    for file in files:
        if file.diff:
            print(file.diff)
    if undone is None:
        return
    for said in undone.said:
        say(said)
    if not undone.failed:
        say(f"{record.client} is as it was, and its key is ended; what runs of it now has to be restarted")
