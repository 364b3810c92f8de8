"""`import usage`: what applications used before the gateway was there, read from their own logs.

A gateway that runs imports by itself, for it has the ledger; where none runs, this command opens it.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.local_api import LocalApi
from llm_gateway.cli.output import FAILED, Stop, complain, json_line, say, table
from llm_gateway.clients.importing import importing
from llm_gateway.clients.past_use import ImportFailed, PastUse, Progress, Wish
from llm_gateway.clients.watching import watching
from llm_gateway.clock import SystemClock
from llm_gateway.config import Loaded
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.money import dollars
from llm_gateway.server.imports_api import ImportView

__all__ = ["telling", "usage"]

_EVERY = 2.0
_TITLES = (
    *("CLIENT", "ANSWERS", "NEW", "ROUTED", "TOKENS IN", "TOKENS OUT"),
    *("FROM", "UNTIL", "WORTH USD", "UNPRICED"),
)
_UNITS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}


@click.command()
@click.argument("clients", nargs=-1, metavar="[CLIENT]…")
@click.option(
    "--since", default="", metavar="AGE", help="Only what is not older, such as 90d; else everything."
)
@click.option("--dry-run", is_flag=True, help="Say what there is, and write nothing.")
@json_option
@pass_context
def usage(context: Context, clients: tuple[str, ...], since: str, dry_run: bool, as_json: bool) -> None:
    """Import past usage from applications' own logs, as seen and not routed; nothing that was said is kept.

    To import again changes nothing: only what is new is added, and what came through the gateway is
    recognised and not counted twice.
    """
    wish = Wish(clients, _since_us(since), dry_run)
    api = context.api_or_none()
    found = _by_gateway(api, wish) if api is not None else _by_ourselves(context, wish)
    if as_json:
        json_line("import", {"dry_run": dry_run, "clients": [_fields(use) for use in found]})
        return
    _tell(found, wish)


def _since_us(text: str) -> int:
    if not text:
        return 0
    amount, unit = text[:-1], text[-1:]
    if not amount.isdecimal() or unit not in _UNITS or len(amount) > 5:
        raise Stop(FAILED, f"error: --since {text!r} is not an age like 90d, 12w or 48h")
    return max(0, SystemClock().now_us() - int(amount) * _UNITS[unit] * 1_000_000)


def _by_gateway(api: LocalApi, wish: Wish) -> Sequence[PastUse]:
    """Let the gateway that runs import."""
    view = msgspec.convert(api.call("POST", "/api/imports", wish), ImportView)
    with telling(lambda: Progress(view.client, view.answers, view.doing)):
        while not view.over:
            view = msgspec.convert(api.get("/api/imports"), ImportView)
    if view.error:
        raise Stop(FAILED, f"error: {view.error}")
    return view.found


def _by_ourselves(context: Context, wish: Wish) -> Sequence[PastUse]:
    """Open the ledger, which nobody has open, and import."""
    loaded = context.load()
    try:
        return asyncio.run(_offline(loaded, context, wish))
    except ImportFailed as error:
        raise Stop(FAILED, f"error: {error}") from None


async def _offline(loaded: Loaded, context: Context, wish: Wish) -> list[PastUse]:
    clock = SystemClock()
    ledger = await Ledger.open(loaded.home, clock, on_failure=complain)
    try:
        watch = watching(loaded, context.environ, str, ledger, clock)
        made = importing(ledger, clock, watch, loaded, context.environ)
        with telling(lambda: made.progress):
            return await made.run(wish)
    finally:
        await ledger.close()


@contextmanager
def telling(progress: Callable[[], Progress], every: float = _EVERY) -> Iterator[None]:
    """Say how far an import is, every so many seconds."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(every):
            at = progress()
            say(f"{at.client or 'logs'}: {at.doing}, {at.answers} answers so far …")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def _tell(found: Sequence[PastUse], wish: Wish) -> None:
    """Print what was found, for a person."""
    answered = [use for use in found if use.answers]
    if answered:
        table(_TITLES, [_row(use, wish) for use in answered])
        print("tokens and worth are of answers that did not come through here, at public prices")
    else:
        print("no application has logs here that tell of answers" + (" since then" if wish.since_us else ""))
    for use in found:
        for problem in use.problems:
            say(f"{use.client}: {problem}")
    if wish.dry_run:
        say("nothing was imported: this was a dry run")


def _row(use: PastUse, wish: Wish) -> tuple[object, ...]:
    return (
        use.client,
        use.answers,
        use.new,
        None if wish.dry_run else use.routed,
        use.tokens_in,
        use.tokens_out,
        _day(use.first_us),
        _day(use.last_us),
        f"{dollars(use.value_nano):.2f}",
        use.unpriced or None,
    )


def _fields(use: PastUse) -> dict[str, object]:
    return {
        "client": use.client,
        "answers": use.answers,
        "new": use.new,
        "routed": use.routed,
        "tokens_in": use.tokens_in,
        "tokens_out": use.tokens_out,
        "first_at": _time(use.first_us),
        "last_at": _time(use.last_us),
        "value_usd": float(dollars(use.value_nano)),
        "unpriced": use.unpriced,
        "problems": list(use.problems),
    }


def _day(at_us: int) -> str:
    return (_time(at_us) or "")[:10]


def _time(at_us: int) -> str | None:
    if not at_us:
        return None
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
