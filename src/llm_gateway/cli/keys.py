"""`keys`: make, list, end and rotate gateway keys, say what they keep and may use."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from llm_gateway.cli.audit import on_record
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import FAILED, Stop, complain, json_line, say, table
from llm_gateway.clock import SystemClock
from llm_gateway.ledger import keys as rows
from llm_gateway.ledger.ids import Ids
from llm_gateway.ledger.key_limits import KeyLimits
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.store import Store
from llm_gateway.pipeline.key_admin import Minted, check_days, made_for, mint, mint_successor
from llm_gateway.server.keys_api import KeyView, key_view
from llm_gateway.vault import Secret, load_or_create_pepper

__all__ = ["end_key", "first_key", "key_views", "keys", "make_key"]

F = TypeVar("F", bound=Callable[..., object])

_COLUMNS = ("id", "name", "hint", "status", "created_at", "expires_at", "keep_content_days", "client")
_YEAR = 366 * 86_400
_IN_CONFIGURATION = {f"money_per_{period}": f"usd_per_{period}" for period in ("day", "week", "month")}


def _count(name: str, told: str) -> Callable[[F], F]:
    return click.option(name, type=click.IntRange(1, 10**12), help=told)


def _money(name: str, told: str) -> Callable[[F], F]:
    return click.option(name, type=click.FloatRange(0, 10**6), metavar="DOLLARS", help=told)


@click.group()
def keys() -> None:
    """Make and end gateway keys: what clients send instead of a vendor's key."""


@keys.command()
@click.argument("name")
@click.option(
    "--keep-content",
    "days",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Days for which what is said with it is kept, encrypted; 0 keeps nothing.",
)
@click.option("--client", default="", metavar="ID", help="The one application that it is for.")
@click.option("--machine", default="", metavar="NAME", help="The one machine that it is for.")
@click.option(
    "--person", default="", metavar="NAME", help="Whose it is, when it is not yours; see bridges.md."
)
@json_option
@pass_context
def create(context: Context, /, name: str, days: int, as_json: bool, **made_for: str) -> None:
    """Make a key and show it, this once."""
    key, view = make_key(context, name, days, **made_for)
    _show(key, view, as_json)


@keys.command("list")
@json_option
@pass_context
def list_keys(context: Context, as_json: bool) -> None:
    """List every key there ever was; none is shown."""
    found = key_views(context)
    if as_json:
        json_line("keys", {"keys": found})
        return
    cells = ([*(getattr(view, name) for name in _COLUMNS), view.limits.told] for view in found)
    table([*(name.upper() for name in _COLUMNS), "LIMITS"], cells)
    if not found:
        say("no keys yet; `llm-gateway keys create NAME` makes one")


@keys.command()
@click.argument("key")
@click.argument("days", type=click.IntRange(0))
@pass_context
def keep(context: Context, key: str, days: int) -> None:
    """Keep what is said with a key for DAYS from now on, 0 for not at all; KEY is its id or its name.

    What is kept already stays until its own time has come, unless `content erase` ends it.
    """
    key_id = _id_of(context, key)
    api = context.api_or_none()
    if api is not None:
        api.call("PATCH", f"/api/keys/{key_id}", {"keep_content_days": days})
    else:
        loaded = context.load()
        check_days(days, loaded.settings.content.max_days)
        with _store(loaded.home) as store:
            on_record(loaded.home, "key.keep", key_id, keep_content_days=days)
            rows.keep(store, key_id, days)
    kept = f"keeps what is said for {days} days" if days else "keeps nothing of what is said"
    say(f"key {key_id} {kept} from now on; what is kept already stays until its time has come")


@keys.command()
@click.argument("key")
@_count("--requests-per-minute", "Requests within a minute.")
@_count("--tokens-per-minute", "Tokens within a minute, in and out.")
@_count("--parallel", "Requests that run at a time.")
@_money("--money-per-day", "US dollars a day, from midnight in UTC.")
@_money("--money-per-week", "US dollars a week, from Monday in UTC.")
@_money("--money-per-month", "US dollars a month, in UTC.")
@click.option("--models", metavar="NAME,…", help="Names of models that may be asked for, `*` for any text.")
@click.option("--none", is_flag=True, help="Forget the limits that were set before.")
@json_option
@pass_context
def limit(context: Context, /, key: str, none: bool, as_json: bool, **wanted: float | str | None) -> None:
    """Limit what a key may use, from now on; KEY is its id or its name.

    A limit is that of all keys of the name, and of their successors. What is not named stays as it was;
    without any option the limits are shown. Those of the configuration hold, too: of two the stricter one.
    """
    view = _named(context, key)
    said = _said(wanted)
    before = KeyLimits() if none else view.limits
    limits = _checked({**msgspec.structs.asdict(before), **said})
    if none or said:
        _limit(context, view.id, limits)
    if as_json:
        json_line("key-limits", {"name": view.name, "limits": limits})
    else:
        print(f"{view.name}: {limits.told or 'no limits but those of the configuration'}")


@keys.command()
@click.argument("key")
@pass_context
def revoke(context: Context, key: str) -> None:
    """Accept a key no longer; KEY is its id or its name.

    What is kept of it stays until its time has come, unless `content erase` ends it.
    """
    key_id = _id_of(context, key)
    end_key(context, key_id)
    say(f"revoked {key_id}")


@keys.command()
@click.argument("key")
@click.option(
    "--overlap",
    default=0,
    show_default=True,
    type=click.IntRange(0, _YEAR),
    help="Seconds for which the old key is still accepted.",
)
@json_option
@pass_context
def rotate(context: Context, key: str, overlap: int, as_json: bool) -> None:
    """Replace a key by a new one of the same name; KEY is its id or its name."""
    key_id = _id_of(context, key)
    api = context.api_or_none()
    if api is not None:
        made = api.call("POST", f"/api/key-rotations/{key_id}", {"overlap_seconds": overlap})
        _show(str(made["key"]), msgspec.convert(made["row"], KeyView), as_json)
        return
    home = context.load().home
    with _store(home) as store:
        old = next(row for row in rows.listed(store) if row.id == key_id)
        minted = mint_successor(old, *_stamp(home))
        on_record(home, "key.rotate", key_id, successor=minted.row.id, overlap_seconds=overlap)
        rows.rotate(store, key_id, minted.row, SystemClock().now_us() + overlap * 1_000_000)
    _show(minted.key.reveal(), _view(minted), as_json)


def make_key(
    context: Context, name: str, days: int = 0, client: str = "", machine: str = "", person: str = ""
) -> tuple[str, KeyView]:
    """Make a key, by the gateway that runs, else in its ledger; return it, this once, and its row."""
    api = context.api_or_none()
    if api is not None:
        wanted = {"name": name, "keep_content_days": days, "client": client, "machine": machine}
        wanted["person"] = person
        made = api.call("POST", "/api/keys", wanted)
        return str(made["key"]), msgspec.convert(made["row"], KeyView)
    loaded = context.load()
    check_days(days, loaded.settings.content.max_days)
    with _store(loaded.home) as store:
        minted = made_for(_mint(loaded.home, name, days), client, machine, person)
        on_record(loaded.home, "key.create", minted.row.id, name=name, keep_content_days=days)
        rows.insert(store, minted.row)
    return minted.key.reveal(), _view(minted)


def end_key(context: Context, key_id: str) -> None:
    """Accept a key no longer, by the gateway that runs, else in its ledger."""
    api = context.api_or_none()
    if api is not None:
        api.call("DELETE", f"/api/keys/{key_id}")
        return
    home = context.load().home
    with _store(home) as store:
        on_record(home, "key.revoke", key_id)
        rows.revoke(store, key_id, SystemClock().now_us())


def first_key(home: Path) -> Secret | None:
    """Make the first key of a home where no gateway runs; None where there ever was one."""
    with _store(home) as store:
        if rows.listed(store):
            return None
        minted = _mint(home, "first")
        on_record(home, "key.create", minted.row.id, name="first")
        rows.insert(store, minted.row)
    return minted.key


def _mint(home: Path, name: str, days: int = 0) -> Minted:
    return mint(name, *_stamp(home), days)


def _stamp(home: Path) -> tuple[bytes, str, int]:
    clock = SystemClock()
    return load_or_create_pepper(home), Ids(clock).new(), clock.now_us()


def _view(minted: Minted) -> KeyView:
    return key_view(minted.row, minted.row.created_us)


def _show(key: str, view: KeyView, as_json: bool) -> None:
    if as_json:
        json_line("key", {"key": key, "row": view})
        return
    print(key)
    say(f"key {view.id} for {view.name!r}; it is shown this once and stored nowhere")


def key_views(context: Context) -> list[KeyView]:
    """Return every key there ever was, from the gateway that runs, else from its ledger."""
    api = context.api_or_none()
    if api is not None:
        return msgspec.convert(api.get("/api/keys")["keys"], list[KeyView])
    now = SystemClock().now_us()
    with _store(context.load().home) as store:
        return [key_view(row, now) for row in rows.listed(store)]


def _said(options: Mapping[str, float | str | None]) -> dict[str, object]:
    """Return what was said, by the names of the configuration."""
    said: dict[str, object] = {
        _IN_CONFIGURATION.get(name, name): value for name, value in options.items() if value is not None
    }
    if isinstance(models := said.get("models"), str):
        said["models"] = [name.strip() for name in models.split(",") if name.strip()]
    return said


def _limit(context: Context, key_id: str, limits: KeyLimits) -> None:
    """Set limits, by the gateway that runs, else in its ledger."""
    api = context.api_or_none()
    if api is not None:
        api.call("PUT", f"/api/key-limits/{key_id}", msgspec.to_builtins(limits))
        return
    home = context.load().home
    with _store(home) as store:
        on_record(home, "key.limit", key_id, limits=limits.told or "none")
        rows.limit(store, key_id, limits)


def _checked(limits: dict[str, object]) -> KeyLimits:
    try:
        return msgspec.convert(limits, KeyLimits)
    except msgspec.ValidationError as error:
        raise Stop(FAILED, f"error: these are no limits: {error}\nhint: docs/limits.md") from None


def _named(context: Context, key: str) -> KeyView:
    """Return an active key of the one name that is meant."""
    active = [view for view in key_views(context) if view.status == "active"]
    meant = [view for view in active if key in (view.id, view.name)]
    if len({view.name for view in meant}) == 1:
        return meant[0]
    raise Stop(FAILED, f"error: there is no active key {key!r}\nhint: `llm-gateway keys list` shows them")


def _id_of(context: Context, key: str) -> str:
    """Return the id of the one active key that is meant."""
    active = [view for view in key_views(context) if view.status == "active"]
    meant = [view for view in active if key in (view.id, view.name)]
    if len(meant) == 1:
        return meant[0].id
    reason = f"{len(meant)} active keys are called" if meant else "there is no active key"
    raise Stop(FAILED, f"error: {reason} {key!r}\nhint: `llm-gateway keys list` shows their ids")


@contextmanager
def _store(home: Path) -> Iterator[Store]:
    with offline(home, SystemClock(), complain) as store:
        yield store
