"""`content`: what is kept of a key, to see how much it is, to hand it out and to erase it."""

import click
import msgspec

from llm_gateway.cli.audit import on_record
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.keys import key_views
from llm_gateway.cli.output import FAILED, Stop, complain, json_line, say, table
from llm_gateway.clock import SystemClock
from llm_gateway.content.opening import where_of
from llm_gateway.content.rows import Total
from llm_gateway.content.safe import Kept, Safe
from llm_gateway.ledger.opening import offline
from llm_gateway.server.kept_responses import KIND, read_kept
from llm_gateway.server.keys_api import KeyView
from llm_gateway.server.views import iso

__all__ = ["content"]

_COLUMNS = ("key", "names", "responses", "bytes", "oldest", "last_expires_at")

_key_option = click.option("--key", required=True, help="The key's id or its name, revoked ones included.")


class _Kept(msgspec.Struct, frozen=True):
    """What is kept under one id, as it is shown."""

    key: str
    names: list[str]
    responses: int
    bytes: int
    oldest: str
    last_expires_at: str


@click.group()
def content() -> None:
    """See, export and erase what is kept of keys that keep what is said with them."""


@content.command("list")
@json_option
@pass_context
def list_content(context: Context, as_json: bool) -> None:
    """Say how much is kept of which key, and until when; nothing of it is shown."""
    views = key_views(context)
    safe = _safe(context)
    try:
        found = [_shown(total, views) for total in safe.totals()]
    finally:
        safe.close()
    if as_json:
        json_line("content", {"content": found})
        return
    table([name.upper() for name in _COLUMNS], ([_cell(kept, name) for name in _COLUMNS] for kept in found))
    if not found:
        say("nothing is kept; `llm-gateway keys keep KEY DAYS` keeps what is said with a key")


@content.command()
@_key_option
@pass_context
def export(context: Context, key: str) -> None:
    """Write everything that is kept of a key to stdout, one JSON object a line, the oldest first."""
    owners = _owners(context, key)
    on_record(context.load().home, "content.export", ", ".join(owners))
    safe = _safe(context)
    count = 0
    try:
        for owner in owners:
            for kept in safe.of(owner):
                print(_exported(kept), flush=True)
                count += 1
    finally:
        safe.close()
    say(f"{count} responses are kept of {key!r}")


@content.command()
@_key_option
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant.")
@pass_context
def erase(context: Context, key: str, yes: bool) -> None:
    """Destroy everything that is kept of a key, and the key that it is encrypted with."""
    owners = _owners(context, key)
    say(f"Everything that is kept of {key!r} will be destroyed. It cannot be brought back.")
    if not yes and not click.confirm("Is that what you want?", err=True):
        raise Stop(FAILED, "nothing was erased")
    api = context.api_or_none()
    if api is not None:
        count = sum(int(str(api.call("DELETE", f"/api/content/{owner}")["erased"])) for owner in owners)
    else:
        with offline(context.load().home, SystemClock(), complain):  # so that no gateway starts meanwhile
            on_record(context.load().home, "content.erase", ", ".join(owners))
            safe = _safe(context)
            try:
                count = sum(safe.erase(owner) for owner in owners)
            finally:
                safe.close()
    say(f"erased {count} responses of {key!r}; copies of the database that were made before are not reached")


def _safe(context: Context) -> Safe:
    return Safe(where_of(context.load()), SystemClock())


def _owners(context: Context, key: str) -> list[str]:
    """Return under which ids content of a key is kept; of a name there may have been several."""
    meant = [view.kept_under for view in key_views(context) if key in (view.id, view.name)]
    if not meant:
        raise Stop(
            FAILED, f"error: there never was a key {key!r}\nhint: `llm-gateway keys list` shows all of them"
        )
    return list(dict.fromkeys(meant))


def _shown(total: Total, views: list[KeyView]) -> _Kept:
    owner, count, size, oldest, last = total
    names = list(dict.fromkeys(view.name for view in views if view.kept_under == owner))
    return _Kept(owner, names, count, size, iso(oldest), iso(last))


def _cell(kept: _Kept, name: str) -> object:
    value = getattr(kept, name)
    return ", ".join(value) if name == "names" else value


def _exported(kept: Kept) -> str:
    place = kept.place
    line: dict[str, object] = {
        "schema": "llm-gateway/kept/v1",
        "key": place.owner,
        "kind": place.kind,
        "id": place.id,
        "created_at": iso(place.created_us),
        "expires_at": iso(place.expires_us),
    }
    if place.kind == KIND:
        response = read_kept(kept.payload)
        line |= {"response": msgspec.Raw(response.response), "input": msgspec.Raw(response.input)}
    return msgspec.json.encode(line).decode().replace("\r", " ").replace("\n", " ")
