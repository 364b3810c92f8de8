"""`bridges expose`: the one verb that lets others than this machine reach the gateway."""

import click

from llm_gateway.cli.audit import on_record
from llm_gateway.cli.context import Context, pass_context
from llm_gateway.cli.output import FAILED, Stop, say
from llm_gateway.config.addresses import reach
from llm_gateway.server.exposure import confirm, judge_bind, withdraw

__all__ = ["bridges"]


@click.group()
def bridges() -> None:
    """Decide who may reach this machine's subscriptions and models."""


@bridges.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--withdraw", "take_back", is_flag=True, help="Take the confirmation back.")
@pass_context
def expose(context: Context, yes: bool, take_back: bool) -> None:
    """Confirm, once, that the configured address beyond loopback is wanted."""
    loaded = context.load()
    server = loaded.settings.server
    if take_back:
        on_record(loaded.home, "exposure.withdraw", server.host)
        withdraw(loaded.home)
        say("taken back; the next start listens on loopback or not at all")
        return
    if reach(server.host) == "loopback":
        say(f"server.host is {server.host}, which only this machine can reach: there is nothing to confirm")
        return
    refusal = judge_bind(server, confirmed=True, keys_on=True)
    if refusal is not None:
        raise refusal
    say(f"Whoever reaches {server.host}:{server.port} and holds a key will use your models and logins.")
    say(f"  TLS certificate  {server.tls_cert or 'none'}")
    say(f"  allowed networks {', '.join(server.allow_from) or 'all'}")
    if not yes and not click.confirm("Is that what you want?", err=True):
        raise Stop(FAILED, "nothing was confirmed")
    networks = ", ".join(server.allow_from)
    on_record(loaded.home, "exposure.confirm", f"{server.host}:{server.port}", allow_from=networks)
    confirm(loaded.home, server)
    say("confirmed; it counts for exactly this address and these settings, from the next `llm-gateway up` on")
