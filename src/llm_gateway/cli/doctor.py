"""`doctor`: look at everything that can be wrong, and say what to do about it."""

import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import msgspec

from llm_gateway.cli.clients import clients_of
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.local_api import LocalApi
from llm_gateway.cli.output import DEGRADED, FAILED, OK, Stop, json_line, say
from llm_gateway.clock import SystemClock
from llm_gateway.companion.desktop import folder_of, runs
from llm_gateway.companion.identity import load as load_identity
from llm_gateway.config import Loaded
from llm_gateway.config.addresses import reach
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
from llm_gateway.server.views import HealthView, ProviderView

__all__ = ["doctor"]

_LEAST_FREE = 200 * 1024 * 1024
# What is ours in the home and nobody else's to read; the home itself may be shared with other things.
_AUDITED = ("audit.head", "audit.jsonl")
_SECRET = ("pepper", "owner-token", "master-key")
_PRIVATE = (*_AUDITED, *_SECRET, "exposure.json", "running.json", "gateway.log")
_WAYS_OUT = {"auth_required": "set its key again"}


class _Finding(msgspec.Struct, frozen=True):
    """`severity` is ok, warning or error; `fix` the way out."""

    check: str
    severity: str
    finding: str
    fix: str = ""


@click.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended without a question.")
@json_option
@pass_context
def doctor(context: Context, fix: bool, as_json: bool) -> None:
    """Look at everything that can be wrong, and say what to do about it."""
    findings = list(_findings(context, fix=fix))
    if as_json:
        json_line("doctor", {"checks": findings})
    else:
        width = max(len(each.check) for each in findings)
        for each in findings:
            print(f"{each.severity:8} {each.check.ljust(width)}  {each.finding}")
            if each.fix:
                print(f"{'':{width + 10}} → {each.fix}")
    worst = {each.severity for each in findings}
    code = FAILED if "error" in worst else DEGRADED if "warning" in worst else OK
    if code:
        raise Stop(code, "")


def _findings(context: Context, *, fix: bool) -> Iterator[_Finding]:
    try:
        loaded = context.load()
    except ConfigError as error:
        yield _Finding("configuration", "error", str(error), "correct it; `llm-gateway config check` tells")
        return
    yield _configuration(loaded)
    if fix:
        _mend(loaded)
    checks: tuple[tuple[str, Callable[[Loaded], _Finding]], ...] = (
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
            yield _Finding(name, "error", str(error), "llm-gateway doctor --fix")
    try:
        api = context.api_or_none()
    except ConfigError as error:
        yield _Finding("gateway", "error", str(error), "llm-gateway doctor --fix")
        return
    yield from _stopped(loaded) if api is None else _running(api)


def _configuration(loaded: Loaded) -> _Finding:
    if loaded.warnings:
        return _Finding("configuration", "warning", "; ".join(loaded.warnings), "correct or unset it")
    shown = str(loaded.file) if loaded.file.exists() else "the defaults"
    return _Finding("configuration", "ok", shown)


def _home(loaded: Loaded) -> _Finding:
    if not loaded.home.exists():
        return _Finding("home", "ok", f"{loaded.home} is made at the first start")
    loose = [path.name for path, _ in _loose(loaded)]
    if loose:
        found = f"others can read or change {', '.join(loose)} in {loaded.home}"
        return _Finding("home", "error", found, "llm-gateway doctor --fix")
    return _Finding("home", "ok", f"{loaded.home}, private")


def _disk(loaded: Loaded) -> _Finding:
    place = next(path for path in (loaded.home, *loaded.home.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < _LEAST_FREE:
        found = f"{free // 2**20} MiB free on the disk of {place}"
        return _Finding("disk", "warning", found, "make room: the ledger needs it")
    return _Finding("disk", "ok", f"{free // 2**30} GiB free")


def _audit_log(loaded: Loaded) -> _Finding:
    log = AuditLog(loaded.home, SystemClock())
    verdict = log.verify()
    if verdict.broken is not None:
        found = f"{log.path}: line {verdict.broken.line}: {verdict.broken.why}"
        return _Finding("audit log", "error", found, "find out who did that; move the file away to go on")
    return _Finding("audit log", "ok", f"{verdict.lines} lines are whole")


def _content(loaded: Loaded) -> _Finding:
    safe = Safe(where_of(loaded), SystemClock())
    if not safe.exists:
        return _Finding("content", "ok", "nothing is kept")
    try:
        safe.prepare()
        totals = safe.totals()
    except (ContentUnavailable, ContentDamaged) as error:
        return _Finding("content", "error", error.message, "see docs/content.md, `When it fails`")
    finally:
        safe.close()
    return _Finding("content", "ok", f"{sum(total[1] for total in totals)} answers of {len(totals)} keys")


def _prices(loaded: Loaded) -> _Finding:
    known, own = table_of(loaded.home), loaded.home / TABLE
    if known is shipped_table() and own.exists():
        return _Finding(
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
            return _Finding("prices", "warning", found, way_out)
    local = {each.name for each in loaded.settings.providers if _bills_nobody(each)}
    for price in stated:
        if price.model.partition("/")[0] in local:
            found = f"{price.model} has a price and costs nothing, for it answers on this machine"
            way_out = "say in [prices.reference] what it is worth, or reach it by an address beyond loopback"
            return _Finding("prices", "warning", found, way_out)
    return _Finding("prices", "ok", f"{known.source} {known.version}")


def _bills_nobody(provider: Provider) -> bool:
    row = configured_row(provider.name, provider.base_url, (), "", load_catalog())
    return row.kind == "local" and not provider.subscription


def _exposure(loaded: Loaded) -> _Finding:
    seen = exposure_view(loaded.home, loaded.settings.server, SystemClock().now_us())
    if not seen.allowed:
        return _Finding("exposure", "error", seen.why, "set server.host to 127.0.0.1, or give it all that")
    if seen.reach == "loopback":
        return _Finding("exposure", "ok", f"listens on {seen.host}:{seen.port}, for this machine alone")
    who = ", ".join(seen.allow_from) or "every network"
    agreed = f"confirmed by {seen.confirmed_by or 'somebody'}, until {seen.until or 'it is taken back'}"
    found = f"listens on {seen.host}:{seen.port} {'with' if seen.tls else 'without'} TLS, for {who}; {agreed}"
    if seen.warning:
        return _Finding("exposure", "warning", f"{found}; {seen.warning}", "see docs/exposure.md")
    return _Finding("exposure", "ok", found)


def _local_model(loaded: Loaded) -> _Finding:
    path = loaded.settings.local.model_path
    if path and not Path(path).expanduser().is_file():
        found = f"local.model_path: {path} is not there"
        return _Finding("local model", "error", found, "correct the path or remove the setting")
    return _Finding("local model", "ok", path or unavailable() or "installed")


def _stopped(loaded: Loaded) -> Iterator[_Finding]:
    folder = folder_of(loaded.home)
    joined = load_identity(folder)
    running = joined is not None and runs(folder)
    if joined is not None:
        found = f"{joined.machine or 'one that has not joined'}, of {joined.url}, "
        if running:
            yield _Finding("companion", "ok", found + "runs")
        else:
            yield _Finding("companion", "warning", found + "does not run", "llm-gateway companion")
    if joined is None or Folder(loaded.home).root.exists():
        yield _Finding("gateway", "warning", "no gateway runs", "llm-gateway up")
    server = loaded.settings.server
    if running and loaded.settings.companion.door == server.port:
        return
    if not server.port or reach(server.host) != "loopback":
        return
    with socket.socket(socket.AF_INET6 if ":" in server.host else socket.AF_INET) as probe:
        probe.settimeout(1.0)
        if probe.connect_ex((server.host, server.port)) == 0:
            found = f"another program listens on {server.host}:{server.port}"
            yield _Finding("port", "error", found, "end it, or choose another server.port")


def _running(api: LocalApi) -> Iterator[_Finding]:
    health = msgspec.convert(api.get("/api/dashboard/health"), HealthView)
    yield _Finding("gateway", "ok", f"{api.url}, version {health.version}")
    if health.database == "connected":
        yield _Finding("ledger", "ok", "connected")
    else:
        waiting = f"; {health.unrecorded} records are in memory alone" if health.unrecorded else ""
        yield _Finding("ledger", "error", health.database + waiting, health.advice)
    if health.configuration:
        said = f"the file is not in use, the last good one is: {health.configuration}"
        yield _Finding("reload", "error", said, "mend the file; the gateway looks at it by itself")
    try:
        for gap in clients_of(api).gaps:
            yield _Finding(f"client {gap.id}", "warning", gap.reason, gap.fix)
    except Stop as stop:  # what is known of them is in the database, too
        yield _Finding("clients", "error", stop.message, "look at what is said of the ledger")
    try:
        providers = msgspec.convert(api.get("/api/dashboard/providers")["providers"], list[ProviderView])
    except Stop as stop:  # what is known of them is in the database
        yield _Finding("providers", "error", stop.message, "look at what is said of the ledger")
        return
    idle = [each.name for each in providers if each.presence == "bridge" and each.state != "ok"]
    if idle:  # nobody said that they should answer: that they do not is no fault
        yield _Finding("bridges", "ok", f"not in use: {', '.join(idle)}; see `llm-gateway bridges`")
    for provider in providers:
        name = f"provider {provider.name}"
        if provider.name in idle:
            continue
        if provider.state in ("ok", "unknown"):
            yield _Finding(name, "ok", f"{len(provider.models)} models")
        else:
            bridged = provider.kind == "subscription" and not provider.endpoints
            way_out = _WAYS_OUT.get(provider.state, "start it, or correct its base_url")
            way_out = "`llm-gateway bridges` says what helps" if bridged else way_out
            yield _Finding(name, "warning", f"{provider.state}: {provider.reason}", way_out)


def _loose(loaded: Loaded) -> Iterator[tuple[Path, int]]:
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


def _mend(loaded: Loaded) -> None:
    for path, mode in _loose(loaded):
        path.chmod(mode)
        say(f"closed {path} to others")
