"""`bridges`: how the ways to subscriptions are, pausing them, and the verb that lets others reach them."""

import getpass
from collections.abc import Mapping

import click

from llm_gateway.cli.audit import on_record
from llm_gateway.cli.bridge_desk import desk
from llm_gateway.cli.bridge_transfer import move_in, move_out
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import FAILED, LOGIN_NEEDED, Stop, json_line, say, table
from llm_gateway.cli.until import shown_until, until_us
from llm_gateway.clock import SystemClock
from llm_gateway.config.addresses import reach
from llm_gateway.server.bridges_api import BridgeView
from llm_gateway.server.exposure import confirm, judge_bind, withdraw

__all__ = ["bridges"]


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def bridges(click_context: click.Context, /, as_json: bool) -> None:
    """List the bridges to subscriptions, and how each is."""
    if click_context.invoked_subcommand is None:
        _print(_listed(click_context.ensure_object(Context), fresh=False), as_json)


@bridges.command()
@json_option
@pass_context
def check(context: Context, as_json: bool) -> None:
    """Look at every bridge anew, without spending a token; exit code 4 when one needs a login."""
    found = _listed(context, fresh=True)
    _print(found, as_json)
    needy = [each.name for each in found if each.state == "auth_required"]
    if needy:
        raise Stop(LOGIN_NEEDED, f"a login is needed: {', '.join(needy)}")


@bridges.command()
@click.argument("bridge")
@pass_context
def pause(context: Context, bridge: str) -> None:
    """Let a bridge take no more turns, until `bridges resume` or the next start; those that run go on."""
    context.api().call("POST", f"/api/bridge-pauses/{bridge}")
    say(f"{bridge} takes no more turns; `llm-gateway bridges resume {bridge}` ends that")


@bridges.command()
@click.argument("bridge")
@pass_context
def resume(context: Context, bridge: str) -> None:
    """Let a bridge take turns again."""
    told = context.api().call("DELETE", f"/api/bridge-pauses/{bridge}")
    say(f"{bridge} takes turns again; it is {told['state']}")


def _listed(context: Context, *, fresh: bool) -> list[BridgeView]:
    with desk(context) as asked:
        return asked.listed(fresh=fresh)


def _print(found: list[BridgeView], as_json: bool) -> None:
    if as_json:
        json_line("bridges", {"bridges": found})
        return
    cells = (
        (
            each.name,
            each.machine,
            each.state,
            each.verified,
            each.account,
            len(each.models),
            each.action.command if each.action is not None and each.action.command else each.reason,
        )
        for each in found
    )
    table(("BRIDGE", "MACHINE", "STATE", "VERIFIED", "PLAN", "MODELS", "WHAT HELPS"), cells)
    if not found:
        say("no bridge is in use; docs/bridges.md says what there is")


@bridges.command()
@click.option("--until", metavar="TIME", help="When it ends, such as 2027-01-31T18:00.")
@click.option("--hours", type=float, help="How long it counts from now on, in place of --until.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--withdraw", "take_back", is_flag=True, help="Take the confirmation back.")
@pass_context
def expose(context: Context, until: str | None, hours: float | None, yes: bool, take_back: bool) -> None:
    """Confirm that the configured address beyond loopback is wanted, for a time or until you take it back."""
    loaded = context.load()
    server = loaded.settings.server
    who = _who(context.environ)
    if take_back:
        on_record(loaded.home, "exposure.withdraw", server.host, by=who)
        withdraw(loaded.home)
        say("taken back; a gateway that listens beyond loopback stops that within a second")
        return
    if reach(server.host) == "loopback":
        say(f"server.host is {server.host}, which only this machine can reach: there is nothing to confirm")
        return
    now_us = SystemClock().now_us()
    ends_us = until_us(until, hours, now_us)
    refusal = judge_bind(server, confirmed=True, keys_on=True)
    if refusal is not None:
        raise refusal
    networks, ends = ", ".join(server.allow_from), shown_until(ends_us) or "you take it back"
    say(f"Whoever reaches {server.host}:{server.port} and holds a key will use your models and logins.")
    say(f"  TLS certificate  {server.tls_cert or 'none'}")
    say(f"  allowed networks {networks or 'all'}")
    say(f"  until            {ends}")
    if not yes and not click.confirm("Is that what you want?", err=True):
        raise Stop(FAILED, "nothing was confirmed")
    told = {"allow_from": networks or "all", "tls": server.tls_cert or "none", "until": ends}
    on_record(loaded.home, "exposure.confirm", f"{server.host}:{server.port}", by=who, **told)
    confirm(loaded.home, server, who, now_us, ends_us)
    say("confirmed; it counts for exactly this address and these settings, from the next `llm-gateway up` on")


def _who(environ: Mapping[str, str]) -> str:
    """Return who sits at the terminal, as far as the system knows."""
    before = environ.get("SUDO_USER", "")
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        user = "somebody"
    return f"{user} (sudo of {before})" if before and before != user else user


bridges.add_command(move_out)
bridges.add_command(move_in)
