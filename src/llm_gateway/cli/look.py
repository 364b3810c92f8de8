"""The verbs that look: status, models, providers, explain, requests."""

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import DEGRADED, FAILED, Stop, json_line, say, table
from llm_gateway.cli.reading import one_request, page_of_requests

__all__ = ["models", "providers", "requests", "status"]


@click.command()
@json_option
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Say whether the gateway runs, and how it is."""
    api = context.api()
    health = api.get("/api/dashboard/health")
    if as_json:
        json_line("status", {"url": api.url, **health})
    else:
        print(f"{health['status']}  {api.url}  version {health['version']}  pid {health['pid']}")
        print(f"database {health['database']}, up {health['uptime_seconds']} s, {health['inflight']} running")
    if health["status"] != "ok":
        raise Stop(DEGRADED, "the gateway is degraded\nhint: `llm-gateway doctor` says why")


@click.command()
@json_option
@pass_context
def models(context: Context, as_json: bool) -> None:
    """List what can be asked for."""
    listed = context.api().get("/v1/models")["data"]
    if as_json:
        json_line("models", {"models": listed})
        return
    entries = msgspec.convert(listed, list[dict[str, object]])
    table(("MODEL", "OWNER", "CONTEXT"), ((e["id"], e["owned_by"], e.get("context_length")) for e in entries))


@click.command()
@json_option
@pass_context
def providers(context: Context, as_json: bool) -> None:
    """List who can answer, and how each fared."""
    listed = context.api().get("/api/dashboard/providers")["providers"]
    if as_json:
        json_line("providers", {"providers": listed})
        return
    entries = msgspec.convert(listed, list[dict[str, object]])
    table(
        ("PROVIDER", "STATE", "PRESENCE", "MODELS", "REASON"),
        (
            (e["name"], e["state"], e["presence"], len(msgspec.convert(e["models"], list[str])), e["reason"])
            for e in entries
        ),
    )


class _Requests(click.Group):
    """`requests` lists; `requests show ID` shows one."""


@click.group(cls=_Requests, invoke_without_command=True)
@click.option("--follow", is_flag=True, help="Go on with requests as they end.")
@click.option("--client", default="", help="Of this client only.")
@click.option("--provider", default="", help="Answered by this provider only.")
@click.option("--status", "outcome", default="", help="With this status only: ok, error, running …")
@click.option("--since", default="", help="Of this time only: 30m, 24h, 7d.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
@click.pass_context
def requests(click_context: click.Context, /, follow: bool, as_json: bool, limit: int, **which: str) -> None:
    """List requests, the newest last."""
    if click_context.invoked_subcommand is not None:
        return
    context = click_context.ensure_object(Context)
    wanted = {"client": which["client"], "provider": which["provider"], "status": which["outcome"]}
    page_of_requests(context, {**wanted, "since": which["since"], "limit": str(limit)}, follow, as_json)


@requests.command("show")
@click.argument("request_id")
@json_option
@pass_context
def show(context: Context, request_id: str, as_json: bool) -> None:
    """Show one request with its attempts."""
    detail = one_request(context, request_id)
    if detail is None:
        raise Stop(
            FAILED, f"error: there is no request {request_id!r}\nhint: `llm-gateway requests` lists them"
        )
    if as_json:
        json_line("request", detail)
        return
    request = msgspec.convert(detail["request"], dict[str, object])
    for name, value in request.items():
        if value not in (None, ""):
            print(f"{name:18} {value}")
    attempts = msgspec.convert(detail["attempts"], list[dict[str, object]])
    if attempts:
        print()
        names = ("provider", "model", "started_ms", "duration_ms", "status", "error")
        table([name.upper() for name in names], ([attempt[name] for name in names] for attempt in attempts))
    else:
        say("it has no finished attempt")
