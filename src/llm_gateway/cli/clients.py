"""`clients`: which AI applications go through the gateway, which do not, why, and the command that helps."""

from collections.abc import Iterable

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.local_api import LocalApi
from llm_gateway.cli.output import FAILED, Stop, json_line, table
from llm_gateway.server.client_views import ClientView
from llm_gateway.server.running_checks import open_gaps

__all__ = ["Clients", "clients", "clients_of", "first_line", "gap_lines"]


class Clients(msgspec.Struct, frozen=True):
    """What the gateway says of applications: how many run, how many of these go through it."""

    clients: list[ClientView]
    running: int
    captured: int

    @property
    def gaps(self) -> list[ClientView]:
        """Return those that run, could go through the gateway, and do not or not wholly."""
        return open_gaps(self.clients)


@click.command()
@click.option("--all", "every", is_flag=True, help="Those too of which nothing is known.")
@click.option("--client", default="", metavar="ID", help="This one alone, with its evidence and its days.")
@json_option
@pass_context
def clients(context: Context, every: bool, client: str, as_json: bool) -> None:
    """Say of each AI application whether it goes through the gateway, why not, and what helps."""
    api = context.api()
    if as_json:
        json_line("clients", {**api.get("/api/dashboard/clients")})
        return
    found = clients_of(api)
    if client:
        named = [each for each in found.clients if each.id == client]
        if not named:
            hint = "hint: `llm-gateway clients --all` lists their ids"
            raise Stop(FAILED, f"error: nothing is known of a client {client!r}\n{hint}")
        for each in named:
            _tell(each)
        return
    print(first_line(found))
    shown = [each for each in found.clients if every or each.status != "not-connected"]
    table(
        ("CLIENT", "MACHINE", "STATUS", "VERDICT", "ROUTED", "SEEN", "SHARE", "LAST SEEN"),
        (
            (
                each.id,
                each.machine or "",
                each.status,
                each.coverage.verdict,
                each.coverage.routed_requests,
                each.coverage.seen_requests,
                _percent(each.coverage.share),
                each.last_seen or "",
            )
            for each in shown
        ),
    )
    for each in shown:
        if each.reason:
            print(f"{each.id}: {each.reason}\n  fix: {each.fix}")


def clients_of(api: LocalApi) -> Clients:
    """Return what a running gateway says of applications."""
    return msgspec.convert(api.get("/api/dashboard/clients"), Clients)


def first_line(found: Clients) -> str:
    """Return the one line that says it all."""
    if not found.running:
        return "no AI client runs here now, as far as can be seen"
    return f"{found.captured} of {found.running} running AI clients go through the gateway"


def gap_lines(gaps: Iterable[ClientView]) -> list[str]:
    """Return a line for each gap, with the command that closes it."""
    return [f"  {each.label}: {each.reason}; fix: {each.fix}" for each in gaps]


def _tell(each: ClientView) -> None:
    """Print everything that is known of one application on one machine."""
    coverage = each.coverage
    where = f" on {each.machine}" if each.machine else ""
    print(f"{each.label}{where}: {coverage.verdict}, {each.status}")
    if each.reason:
        print(f"why   {each.reason}\nfix   {each.fix}")
    requests = f"{coverage.routed_requests} of {coverage.seen_requests} requests routed"
    print(f"since {coverage.since}: {requests}, {coverage.routed_tokens} of {coverage.seen_tokens} tokens")
    if coverage.background_requests:
        print(f"      {coverage.background_requests} of the requests were its own, asked by no person")
    for line in coverage.evidence:
        print(f"  -   {line}")
    table(("DAY", "ROUTED", "PASSED BY"), ((day.day, day.routed, day.passed_by) for day in coverage.trend))


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"
