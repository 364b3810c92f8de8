"""The verbs that look: status, open, models, providers, explain, requests."""

import webbrowser

import click
import msgspec

from llm_gateway.cli.arithmetic import print_money
from llm_gateway.cli.clients import Clients, clients_of, first_line, gap_lines
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import DEGRADED, FAILED, Stop, json_line, plain, say, table
from llm_gateway.cli.reading import page_of_requests, the_request
from llm_gateway.server.explain import Explained
from llm_gateway.server.limit_views import LimitView
from llm_gateway.server.views import CompressionView

__all__ = ["explain", "models", "open_", "providers", "requests", "status"]

_ATTEMPT = ("provider", "model", "started_ms", "duration_ms", "status", "error", "cost_usd", "why")


@click.command()
@json_option
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Say whether the gateway runs, and how it is."""
    api = context.api()
    health = api.get("/api/dashboard/health")
    try:
        found: Clients | None = clients_of(api)
    except Stop:  # what is known of them is in the database, which may be what is wrong
        if health["status"] == "ok":
            raise
        found = None
    limits = msgspec.convert(api.get("/api/dashboard/limits")["limits"], list[LimitView])
    if as_json:
        counts = {
            "running_clients": found.running if found else None,
            "captured_clients": found.captured if found else None,
        }
        gaps = (
            [{"id": each.id, "reason": each.reason, "fix": each.fix} for each in found.gaps] if found else []
        )
        json_line("status", {"url": api.url, **health, "limits": limits, **counts, "gaps": gaps})
    else:
        print(
            "\n".join([first_line(found), *gap_lines(found.gaps)] if found else ["AI clients: not known now"])
        )
        print(f"{health['status']}  {api.url}  version {health['version']}  pid {health['pid']}")
        up, running = health["uptime_seconds"], health["inflight"]
        print(f"database {health['database']}, up {up} s, {running} requests running")
        if health.get("saved"):
            print(f"the database was migrated at this start; a copy from before is {health['saved']}")
        if health["configuration"]:
            print("configuration: the file cannot be used; the last good one is in use:")
            print("\n".join(f"  {line}" for line in str(health["configuration"]).splitlines()))
        for each in limits:
            whose = f"{each.scope} {each.name}".rstrip()
            warning = "  (close to its limit)" if each.warned else ""
            print(f"limit {whose}: {each.used:g} of {each.most:g} {each.limit}{warning}")
    if health["status"] != "ok":
        raise Stop(DEGRADED, f"the gateway is {health['status']}\nhint: `llm-gateway doctor` says why")


@click.command("open")
@click.option("--browser", is_flag=True, help="Open it in a browser, too.")
@json_option
@pass_context
def open_(context: Context, browser: bool, as_json: bool) -> None:
    """Print an address that opens the dashboard, signed in: good once, for five minutes."""
    told = context.api().call("POST", "/api/open")
    url, seconds = str(told["url"]), told["seconds"]
    say(f"good once, within {seconds} seconds; whoever opens it is signed in")
    if as_json:
        json_line("open", {"url": url, "seconds": seconds})
    else:
        print(url)
    if browser and not webbrowser.open(url):
        raise Stop(FAILED, "error: no browser could be started here; open the address in one yourself")


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


@click.command()
@click.argument("model")
@click.option("--dialect", default="chat", show_default=True, help="The language of the client.")
@click.option("--tools", is_flag=True, help="The request offers tools.")
@click.option("--images", is_flag=True, help="The request holds images.")
@click.option("--input-tokens", default=0, type=click.IntRange(min=0), help="So many tokens go in.")
@click.option(
    "--session", default="", metavar="ID", help="It is of this conversation, as the client names it."
)
@json_option
@pass_context
def explain(context: Context, /, model: str, as_json: bool, **request: str | int | bool) -> None:
    """Say who would answer a request for MODEL, in which order and why; nothing is sent to anybody."""
    query = {
        name: str(int(value)) if isinstance(value, bool) else str(value) for name, value in request.items()
    }
    told = context.api().get("/api/dashboard/explain", model=model, **query)
    explained = msgspec.convert(told, Explained)
    if as_json:
        json_line("explain", told)
    else:
        _print_explained(explained)
    if explained.refused:
        raise Stop(FAILED, f"nobody would be asked: {explained.refused}")


def _print_explained(explained: Explained) -> None:
    terms = f", {explained.prefer} first" if explained.prefer not in ("", "order") else ""
    stays = ", conversations stay" if explained.sticky else ""
    print(f"{explained.model}: {explained.reading}{terms}{stays}")
    for target in explained.targets:
        print(f"  {target.order or '-'}  {target.provider}/{target.model}  {target.address or 'no address'}")
        print(f"     {target.why}; state {target.state}{f': {target.reason}' if target.reason else ''}")


@click.group(invoke_without_command=True)
@click.option("--follow", is_flag=True, help="Go on with requests as they end.")
@click.option("--client", default="", help="Of this client only.")
@click.option("--provider", default="", help="Answered by this provider only.")
@click.option("--status", default="", help="With this status only: ok, error, running …")
@click.option("--since", default="", help="Of this time only: 30m, 24h, 7d.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="At most so many.")
@json_option
@click.pass_context
def requests(click_context: click.Context, /, follow: bool, as_json: bool, limit: int, **which: str) -> None:
    """List requests, the newest last."""
    if click_context.invoked_subcommand is None:
        context = click_context.ensure_object(Context)
        page_of_requests(context, {**which, "limit": str(limit)}, follow, as_json)


@requests.command("show")
@click.argument("request_id", metavar="ID")
@json_option
@pass_context
def show(context: Context, request_id: str, as_json: bool) -> None:
    """Show one request with its attempts, and how what it cost and avoided was reckoned."""
    detail = the_request(context, request_id)
    if as_json:
        json_line("request", detail)
        return
    lines = {**msgspec.structs.asdict(detail.request), **msgspec.structs.asdict(detail)}
    for name, value in lines.items():
        if name not in ("request", "attempts", "money", "compression") and value not in (None, "", []):
            print(f"{name:20} {'; '.join(map(str, value)) if isinstance(value, list) else value}")
    if detail.compression is not None:
        _print_compression(detail.compression)
    if detail.attempts:
        print()
        rows = ([getattr(attempt, name) for name in _ATTEMPT] for attempt in detail.attempts)
        table([name.upper() for name in _ATTEMPT], rows)
    else:
        say("it has no finished attempt")
    if detail.money is not None:
        print_money(detail.money)


def _print_compression(told: CompressionView) -> None:
    saved = told.bytes_before - told.bytes_after
    way = "would have been" if told.shadow else "were"
    what = f"{told.encoded} of {told.results} results {way} sent shorter"
    sizes = f", {told.bytes_before} bytes to {told.bytes_after}, {_tokens_less(told)}" if saved else ""
    rest = "; ".join(filter(None, (f"by {told.policy}" if told.policy else "", plain(told.why))))
    print(f"{'compression':20} {what}{sizes}{f' ({rest})' if rest else ''}")
    if told.cache_missed:
        print(f"{'':20} the provider's cache missed {told.cache_missed} tokens that nothing explains")


def _tokens_less(told: CompressionView) -> str:
    how = f" by {told.counted}, within {told.error_percent:g} %" if told.error_percent is not None else ""
    return f"about {told.tokens} tokens less{how}"
