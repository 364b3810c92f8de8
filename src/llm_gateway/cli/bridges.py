"""`bridges expose`: the one verb that lets others than this machine reach the gateway."""

import click

from llm_gateway.cli.context import Context, pass_context
from llm_gateway.cli.output import REFUSED, Stop, say
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
    if take_back:
        withdraw(loaded.home)
        say("taken back; the next start listens on loopback or not at all")
        return
    server = loaded.settings.server
    refusal = judge_bind(server, confirmed=True, keys_on=True)
    if refusal is not None:
        raise Stop(REFUSED, f"error: {refusal}\nhint: docs/exposure.md has the whole table")
    say(f"Whoever reaches {server.host}:{server.port} and holds a key will use your models and logins.")
    say(f"  TLS certificate  {server.tls_cert or 'none'}")
    say(f"  allowed networks {', '.join(server.allow_from) or 'all'}")
    if not yes:
        click.confirm("Is that what you want?", abort=True, err=True)
    confirm(loaded.home, server)
    say("confirmed; it counts for exactly this address and these settings, from the next `llm-gateway up` on")
