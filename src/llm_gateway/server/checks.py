"""What can be wrong with a home and its configuration, looked at one by one, each with what helps.

Files are read and nothing is changed. The command line looks without a gateway, the pages of one that runs
look beside it. What only a gateway that runs knows is `running_checks.py`.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from llm_gateway.clock import SystemClock
from llm_gateway.config import Loaded
from llm_gateway.config.settings import Provider
from llm_gateway.content.opening import where_of
from llm_gateway.content.rows import database_of
from llm_gateway.content.safe import Safe
from llm_gateway.engines.local.model import unavailable
from llm_gateway.errors import ConfigError, ContentDamaged, ContentUnavailable
from llm_gateway.ledger.audit import AuditLog
from llm_gateway.ledger.folder import Folder
from llm_gateway.ledger.price_table import TABLE, shipped_table, table_of
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.stated_prices import stated_of
from llm_gateway.providers.catalog import configured_row, load_catalog
from llm_gateway.server.exposure import exposure_view

__all__ = ["Finding", "home_checks", "loose"]

_LEAST_FREE = 200 * 1024 * 1024
# What is ours in the home and nobody else's to read; the home itself may be shared with other things.
_AUDITED = ("audit.head", "audit.jsonl")
_SECRET = ("pepper", "owner-token", "master-key")
_PRIVATE = (*_AUDITED, *_SECRET, "exposure.json", "running.json", "gateway.log")


class Finding(msgspec.Struct, frozen=True):
    """What a check found. `severity` is ok, warning or error; `fix` the way out."""

    check: str
    severity: str
    finding: str
    fix: str = ""


def home_checks(loaded: Loaded) -> Iterator[Finding]:
    """Yield what is found of a home, its disk, its logs, what it keeps and where it listens."""
    checks: tuple[tuple[str, Callable[[Loaded], Finding]], ...] = (
        ("configuration", _configuration),
        ("home", _home),
        ("disk", _disk),
        ("audit log", _audit_log),
        ("content", _content),
        ("exposure", _exposure),
        ("local model", _local_model),
        ("prices", _prices),
    )
    for name, check in checks:
        try:
            yield check(loaded)
        except (ConfigError, OSError) as error:
            yield Finding(name, "error", str(error), "llm-gateway doctor --fix")


def loose(loaded: Loaded) -> Iterator[tuple[Path, int]]:
    """Yield what others can read or change, with the mode that it should have."""
    if os.name != "posix":
        return
    folders = (Folder(loaded.home).root, database_of(loaded.home).parent)
    ours = [loaded.home / name for name in _PRIVATE]
    ours += [path for folder in folders for path in (folder, *sorted(folder.rglob("*")))]
    watched = [(path, 0o077) for path in ours] + [(path, 0o022) for path in (loaded.home, loaded.file)]
    for path, closed in watched:
        if path.exists() and not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & closed:
                yield path, mode & ~closed


def _configuration(loaded: Loaded) -> Finding:
    if loaded.warnings:
        return Finding("configuration", "warning", "; ".join(loaded.warnings), "correct or unset it")
    shown = str(loaded.file) if loaded.file.exists() else "the defaults"
    return Finding("configuration", "ok", shown)


def _home(loaded: Loaded) -> Finding:
    if not loaded.home.exists():
        return Finding("home", "ok", f"{loaded.home} is made at the first start")
    open_ = [path.name for path, _ in loose(loaded)]
    if open_:
        found = f"others can read or change {', '.join(open_)} in {loaded.home}"
        return Finding("home", "error", found, "llm-gateway doctor --fix")
    return Finding("home", "ok", f"{loaded.home}, private")


def _disk(loaded: Loaded) -> Finding:
    place = next(path for path in (loaded.home, *loaded.home.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < _LEAST_FREE:
        found = f"{free // 2**20} MiB free on the disk of {place}"
        return Finding("disk", "warning", found, "make room: the ledger needs it")
    return Finding("disk", "ok", f"{free // 2**30} GiB free")


def _audit_log(loaded: Loaded) -> Finding:
    log = AuditLog(loaded.home, SystemClock())
    verdict = log.verify()
    if verdict.broken is not None:
        found = f"{log.path}: line {verdict.broken.line}: {verdict.broken.why}"
        return Finding("audit log", "error", found, "find out who did that; move the file away to go on")
    return Finding("audit log", "ok", f"{verdict.lines} lines are whole")


def _content(loaded: Loaded) -> Finding:
    safe = Safe(where_of(loaded), SystemClock())
    if not safe.exists:
        return Finding("content", "ok", "nothing is kept")
    try:
        safe.prepare()
        totals = safe.totals()
    except (ContentUnavailable, ContentDamaged) as error:
        return Finding("content", "error", error.message, "see docs/content.md, `When it fails`")
    finally:
        safe.close()
    return Finding("content", "ok", f"{sum(total[1] for total in totals)} answers of {len(totals)} keys")


def _exposure(loaded: Loaded) -> Finding:
    seen = exposure_view(loaded.home, loaded.settings.server, SystemClock().now_us())
    if not seen.allowed:
        return Finding("exposure", "error", seen.why, "set server.host to 127.0.0.1, or give it all that")
    if seen.reach == "loopback":
        return Finding("exposure", "ok", f"listens on {seen.host}:{seen.port}, for this machine alone")
    who = ", ".join(seen.allow_from) or "every network"
    agreed = f"confirmed by {seen.confirmed_by or 'somebody'}, until {seen.until or 'it is taken back'}"
    found = f"listens on {seen.host}:{seen.port} {'with' if seen.tls else 'without'} TLS, for {who}; {agreed}"
    if seen.warning:
        return Finding("exposure", "warning", f"{found}; {seen.warning}", "see docs/exposure.md")
    return Finding("exposure", "ok", found)


def _prices(loaded: Loaded) -> Finding:
    known, own = table_of(loaded.home), loaded.home / TABLE
    if known is shipped_table() and own.exists():
        return Finding(
            "prices",
            "warning",
            f"{own} cannot be read, and is not gone by",
            "llm-gateway prices refresh --undo",
        )
    stated, references = loaded.settings.prices.models, loaded.settings.prices.reference
    book = PriceBook(stated_of(stated), {}, references, table=lambda: known)
    now_us = SystemClock().now_us()
    for model, reference in references.items():
        provider, _, name = reference.partition("/")
        if name != "*" and book.tariff(provider, name, now_us) is None:
            found = f"no price of {reference} is known, which says what {model} is worth"
            way_out = "name another one in [prices.reference], or state its price in [[prices.models]]"
            return Finding("prices", "warning", found, way_out)
    local = {each.name for each in loaded.settings.providers if _bills_nobody(each)}
    for price in stated:
        if price.model.partition("/")[0] in local:
            found = f"{price.model} has a price and costs nothing, for it answers on this machine"
            way_out = "say in [prices.reference] what it is worth, or reach it by an address beyond loopback"
            return Finding("prices", "warning", found, way_out)
    return Finding("prices", "ok", f"{known.source} {known.version}")


def _bills_nobody(provider: Provider) -> bool:
    row = configured_row(provider.name, provider.base_url, (), "", load_catalog())
    return row.kind == "local" and not provider.subscription


def _local_model(loaded: Loaded) -> Finding:
    path = loaded.settings.local.model_path
    if path and not Path(path).expanduser().is_file():
        found = f"local.model_path: {path} is not there"
        return Finding("local model", "error", found, "correct the path or remove the setting")
    return Finding("local model", "ok", path or unavailable() or "installed")
