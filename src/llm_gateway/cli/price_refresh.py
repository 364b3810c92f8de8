"""`prices refresh`: take over newer prices when it is asked for: shown, whole or not at all, and undoable."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from llm_gateway.cli.audit import on_record
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import FAILED, USAGE, Stop, json_line, say, table, waiting
from llm_gateway.clock import SystemClock
from llm_gateway.config import Loaded
from llm_gateway.errors import UpstreamFault
from llm_gateway.ledger.price_changes import Change, changes, doubted
from llm_gateway.ledger.price_table import TABLE, PriceTable, read_table, shipped_table, table_of
from llm_gateway.ledger.price_taking import BadPrices, taken, written
from llm_gateway.upstream.document import document_at
from llm_gateway.upstream.opening import open_upstream
from llm_gateway.vault import write_private

__all__ = ["refresh"]

_SOURCE = "genai-prices"
_BEFORE = f"{TABLE}.before"
_MOST_BYTES = 64 * 1024 * 1024
_PATIENCE_S = 60.0
_MOST_SHOWN = 40


@click.command()
@click.argument("source", required=False)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--undo", is_flag=True, help="Go back to the prices before the last refresh.")
@json_option
@pass_context
def refresh(context: Context, source: str | None, dry_run: bool, undo: bool, as_json: bool) -> None:
    """Take over the prices that genai-prices publishes, from a file or a URL; else from `prices.url`.

    They are kept in the home, and used in place of those that come with the gateway, from a moment later on.
    """
    if undo and (source or dry_run):
        raise Stop(USAGE, "error: --undo goes back to what was; it takes no source and cannot be tried")
    loaded = context.load()
    old = table_of(loaded.home)
    if undo:
        new = _undone(loaded.home)
        told = "undone"
    else:
        data = _made(loaded, source or loaded.settings.prices.url, old)
        new = read_table(data)
        told = "none" if new.sha256 == old.sha256 else "shown" if dry_run else "taken"
        if told == "taken":
            on_record(loaded.home, "prices.refresh", new.version, sha256=new.sha256)
            _keep(loaded.home, data)
    found = list(changes(old, new, SystemClock().now_us()))
    if as_json:
        json_line(
            "price-refresh", {"done": told, "before": _whose(old), "now": _whose(new), "changes": found}
        )
    else:
        _show(found, told, new)


def _made(loaded: Loaded, source: str, old: PriceTable) -> bytes:
    """Return the table that a source makes; ends the command where it makes none, and nothing is changed."""
    if not source:
        raise Stop(USAGE, "error: name a file or a URL, or set prices.url in gateway.toml")
    published = _read(loaded, source)
    try:
        providers = taken(published)
    except BadPrices as error:
        raise Stop(FAILED, f"error: {source}: {error}\nnothing was changed") from None
    models = sum(len(each) for _, each in providers)
    least = sum(len(old.models(name)) for name in old.names) // 2
    if models < least:
        raise Stop(
            FAILED,
            f"error: {source}: it has {models} models, and the table that is used over twice as many; "
            "that is no newer one\nnothing was changed",
        )
    today = datetime.fromtimestamp(SystemClock().now_us() / 1e6, UTC).date().isoformat()
    return written(_SOURCE, today, doubted(providers, old), checked=old.checked)


def _read(loaded: Loaded, source: str) -> bytes:
    if "://" in source:
        with waiting(source):
            try:
                return asyncio.run(_fetched(loaded, source))
            except UpstreamFault as error:
                raise Stop(FAILED, f"error: {source}: {error.message}\nnothing was changed") from None
    try:
        with Path(source).open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise Stop(FAILED, f"error: {source}: {error.strerror}\nnothing was changed") from None
    if len(data) > _MOST_BYTES:
        raise Stop(
            FAILED,
            f"error: {source}: over {_MOST_BYTES} bytes, which is no list of prices\nnothing was changed",
        )
    return data


async def _fetched(loaded: Loaded, url: str) -> bytes:
    upstream = open_upstream(loaded.settings.upstream)
    try:
        return await document_at(upstream, url, most=_MOST_BYTES, patience=_PATIENCE_S)
    finally:
        upstream.close()


def _keep(home: Path, data: bytes) -> None:
    """Put a table in its place; one that was there and is used can be gone back to."""
    file, before = home / TABLE, home / _BEFORE
    if table_of(home) is shipped_table():
        before.unlink(missing_ok=True)
    else:
        write_private(before, file.read_bytes())
    write_private(file, data)


def _undone(home: Path) -> PriceTable:
    """Go back by one: to the table before, or from the only one to that of the gateway."""
    file, before = home / TABLE, home / _BEFORE
    if not file.exists():
        raise Stop(FAILED, "error: there is nothing to undo: the prices are those that come with the gateway")
    back = read_table(before.read_bytes()) if before.exists() else shipped_table()
    on_record(home, "prices.undo", back.version, sha256=back.sha256)
    if before.exists():
        before.replace(file)
    else:
        file.unlink()
    return back


def _whose(known: PriceTable) -> dict[str, str]:
    return {"source": known.source, "version": known.version, "sha256": known.sha256}


def _show(found: list[Change], told: str, new: PriceTable) -> None:
    # What costs something else stands first, what has changed in other ways last.
    told_of = sorted((each for each in found if each.kind != "new"), key=lambda each: each.before == each.now)
    shown = told_of[:_MOST_SHOWN]
    if shown:
        table(
            ("PROVIDER", "MODEL", "", "BEFORE", "NOW"),
            [(each.provider, each.model, each.kind, each.before, each.now) for each in shown],
        )
    counts = {kind: sum(each.kind == kind for each in found) for kind in ("changed", "new", "gone")}
    say(", ".join(f"{count} {kind}" for kind, count in counts.items()) + "; --json lists them all")
    whose = f"{new.source} {new.version} (sha256 {new.sha256[:12]}…)"
    match told:
        case "none":
            say(f"the prices are these already: {whose}")
        case "shown":
            say(f"nothing was changed; without --dry-run the prices are those of {whose}")
        case "undone":
            say(f"the prices are again those of {whose}")
        case _:
            say(f"the prices are those of {whose} now\nundo: llm-gateway prices refresh --undo")
