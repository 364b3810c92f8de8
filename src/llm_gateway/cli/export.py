"""`export`: turns, sums by day or sightings, all of a time, as a file for other programs.

Read from the database page by page, beside a gateway that runs as well: a million turns take the memory of a
page. No keys and nobody's text are in it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from llm_gateway.cli.context import Context, pass_context
from llm_gateway.cli.output import FAILED, USAGE, Stop, complain, say
from llm_gateway.clock import SystemClock
from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger.extracts import BULKS, Bulk, bulk_columns, bulk_page
from llm_gateway.ledger.opening import reading
from llm_gateway.ledger.store import Rows
from llm_gateway.server.extract_formats import FORMATS, Format, Writing
from llm_gateway.server.usage_query import instant

__all__ = ["export"]


@click.command()
@click.argument("what", type=click.Choice(BULKS), default="turns")
@click.option("--format", "how", type=click.Choice(FORMATS), default="csv", show_default=True, help="How.")
@click.option("--since", default="", help="From then on: 24h, 7d, 4w, 2026-11-27; everything when left out.")
@click.option("--until", default="", help="Before then.")
@click.option("--output", type=click.Path(path_type=Path), help="Into this file; else to stdout.")
@pass_context
def export(context: Context, what: Bulk, how: Format, since: str, until: str, output: Path | None) -> None:
    """Write turns, the usage by day, or sightings to a file or to stdout.

    docs/accounting.md says what the columns are. The file appears when it is whole.
    """
    now_us = SystemClock().now_us()
    try:
        since_us = instant(since, now_us) if since else 0
        until_us = instant(until, now_us, "until") if until else 0
    except MalformedRequest as error:
        raise Stop(USAGE, f"error: {error}") from None
    api = context.api_or_none()
    if api is not None:
        # What it has not written to its database yet, it writes before it answers this.
        api.get("/api/dashboard/usage", since="1h")
    writing = Writing(f"export-{what}", bulk_columns(what), how)
    with reading(context.load().home, SystemClock(), complain) as rows, _into(output) as out:
        for piece in _pieces(rows, writing, what, (since_us, until_us)):
            out.write(piece)
    say(f"{writing.count:,} rows{f' are in {output}' if output is not None else ''}")


def _pieces(rows: Rows, writing: Writing, what: Bulk, time: tuple[int, int]) -> Iterator[bytes]:
    yield writing.begin()
    after: int | None = 0
    while after is not None:
        page = bulk_page(rows, what, *time, after)
        yield writing.rows(page.rows)
        after = page.after
    yield writing.end()


@contextmanager
def _into(output: Path | None) -> Iterator[BinaryIO]:
    """Open where it goes: a file is for its owner alone, and is there when it is whole."""
    if output is None:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
        part.replace(output)
    except OSError as error:
        raise Stop(FAILED, f"error: {output} cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
