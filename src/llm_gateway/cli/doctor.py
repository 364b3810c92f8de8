"""`doctor`: look at everything that can be wrong, and say what to do about it."""

import socket
from collections.abc import Iterator

import click
import msgspec

from llm_gateway.cli.clients import clients_of
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.local_api import LocalApi
from llm_gateway.cli.output import DEGRADED, FAILED, OK, Stop, json_line, say
from llm_gateway.companion.desktop import folder_of, runs
from llm_gateway.companion.identity import load as load_identity
from llm_gateway.config import Loaded
from llm_gateway.config.addresses import reach
from llm_gateway.errors import ConfigError
from llm_gateway.ledger.folder import Folder
from llm_gateway.server.checks import Finding, home_checks, loose
from llm_gateway.server.running_checks import client_findings, health_findings, provider_findings
from llm_gateway.server.views import HealthView, ProviderView

__all__ = ["doctor"]


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


def _findings(context: Context, *, fix: bool) -> Iterator[Finding]:
    try:
        loaded = context.load()
    except ConfigError as error:
        yield Finding("configuration", "error", str(error), "correct it; `llm-gateway config check` tells")
        return
    if fix:
        _mend(loaded)
    yield from home_checks(loaded)
    try:
        api = context.api_or_none()
    except ConfigError as error:
        yield Finding("gateway", "error", str(error), "llm-gateway doctor --fix")
        return
    yield from _stopped(loaded) if api is None else _running(api)


def _stopped(loaded: Loaded) -> Iterator[Finding]:
    folder = folder_of(loaded.home)
    joined = load_identity(folder)
    running = joined is not None and runs(folder)
    if joined is not None:
        found = f"{joined.machine or 'one that has not joined'}, of {joined.url}, "
        if running:
            yield Finding("companion", "ok", found + "runs")
        else:
            yield Finding("companion", "warning", found + "does not run", "llm-gateway companion")
    if joined is None or Folder(loaded.home).root.exists():
        yield Finding("gateway", "warning", "no gateway runs", "llm-gateway up")
    server = loaded.settings.server
    if running and loaded.settings.companion.door == server.port:
        return
    if not server.port or reach(server.host) != "loopback":
        return
    with socket.socket(socket.AF_INET6 if ":" in server.host else socket.AF_INET) as probe:
        probe.settimeout(1.0)
        if probe.connect_ex((server.host, server.port)) == 0:
            found = f"another program listens on {server.host}:{server.port}"
            yield Finding("port", "error", found, "end it, or choose another server.port")


def _running(api: LocalApi) -> Iterator[Finding]:
    yield from health_findings(api.url, msgspec.convert(api.get("/api/dashboard/health"), HealthView))
    try:
        yield from client_findings(clients_of(api).clients)
    except Stop as stop:  # what is known of them is in the database, too
        yield Finding("clients", "error", stop.message, "look at what is said of the ledger")
    try:
        providers = msgspec.convert(api.get("/api/dashboard/providers")["providers"], list[ProviderView])
    except Stop as stop:  # what is known of them is in the database
        yield Finding("providers", "error", stop.message, "look at what is said of the ledger")
        return
    yield from provider_findings(providers)


def _mend(loaded: Loaded) -> None:
    for path, mode in loose(loaded):
        path.chmod(mode)
        say(f"closed {path} to others")
