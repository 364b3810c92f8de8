"""`companion`: this machine's bridges for a gateway elsewhere. `enroll`, `companions`: who may do that."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from llm_gateway.cli.audit import on_record
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import FAILED, OK, REFUSED, Stop, json_line, say, table
from llm_gateway.cli.telling import Teller
from llm_gateway.clock import SystemClock
from llm_gateway.companion.caps import Caps
from llm_gateway.companion.desktop import Desktop, alone, desktop, folder_of
from llm_gateway.companion.dialing import trusting
from llm_gateway.companion.door import Told
from llm_gateway.companion.enrolment import TOKEN_LASTS, invitation
from llm_gateway.companion.hosting import Companion, Course
from llm_gateway.companion.identity import load as load_identity
from llm_gateway.companion.introduction import Refused
from llm_gateway.companion.switch import Switch
from llm_gateway.config import Loaded
from llm_gateway.errors import ConfigError, RefusedByPolicy
from llm_gateway.ledger import companions as rows
from llm_gateway.ledger.audit import AuditLog
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.store import Store
from llm_gateway.server.companion_routes import CompanionView, companion_view, invitation_view
from llm_gateway.server.local_door import OpenDoor, WayOut, line_to_gateway, stand_ins
from llm_gateway.server.views import iso
from llm_gateway.tasks import Tasks
from llm_gateway.telemetry.log import Log
from llm_gateway.upstream.opening import open_upstream
from llm_gateway.vault import load_or_create_pepper

__all__ = ["companion", "companions", "enroll"]

_TITLES = ("MACHINE", "STATUS", "PERSON", "LAST SEEN", "BRIDGES", "KEY")
_STOP_AFTER = 10.0
_FROM_STDIN = "-"  # what stands on a command line is seen by everybody on the machine


@click.group(invoke_without_command=True)
@click.option("--gateway", default="", metavar="URL", help="The gateway; left out: the one that was joined.")
@click.option(
    "--join", "token", default="", metavar="TOKEN", help="A token of `enroll`; - reads it from stdin."
)
@click.option("--ca", type=click.Path(path_type=Path, exists=True), help="Certificates to trust, in a file.")
@click.option(
    "--models", default="", metavar="PATTERNS", help="Only these: bridge/model, * for any, by commas."
)
@click.option("--parallel", type=click.IntRange(1, 256), help="Most turns at a time.")
@click.option("--per-minute", type=click.IntRange(1), help="Most turns a minute.")
@click.option("--per-day", type=click.IntRange(0), help="Most turns a day (UTC).")
@click.option("--tokens-per-day", type=click.IntRange(0), help="Most tokens a day (UTC), by estimate.")
@click.pass_context
def companion(
    click_context: click.Context,
    /,
    gateway: str,
    token: str,
    ca: Path | None,
    models: str,
    **caps: int | None,
) -> None:
    """Answer for a gateway elsewhere with this machine's bridges, until Ctrl-C. No port is opened."""
    if click_context.invoked_subcommand is not None:
        return
    context = click_context.ensure_object(Context)
    loaded = context.load()
    if token == _FROM_STDIN:
        if sys.stdin.isatty():
            say("paste the token of `llm-gateway enroll`, and press Enter:")
        token = sys.stdin.readline().strip()
    course = Course(folder_of(loaded.home), gateway, token, _certificates(loaded, ca), drain=_STOP_AFTER)
    said = {name: value for name, value in caps.items() if value is not None}
    with alone(course.folder):
        code = asyncio.run(_serve(context, loaded, course, _caps(loaded, models, said)))
    if code:
        raise Stop(code, "")


@companion.command()
@pass_context
def pause(context: Context) -> None:
    """Answer nothing from afar any more, and stop what runs: until `companion resume`, whoever asks."""
    _switch(context).pause("its owner")
    say("paused: this machine answers its gateway nothing; `llm-gateway companion resume` ends that")


@companion.command()
@pass_context
def resume(context: Context) -> None:
    """Answer again."""
    if not _switch(context).resume():
        say("it was not paused")
        return
    say("this machine answers its gateway again")


@companion.command()
@json_option
@pass_context
def journal(context: Context, as_json: bool) -> None:
    """Show what the gateway has asked of this machine, and check that nothing of it was altered."""
    log = AuditLog(folder_of(context.load().home), SystemClock())
    entries, verdict = log.entries(), log.verify()
    if as_json:
        json_line("companion-journal", {"entries": entries, "verdict": verdict})
    else:
        cells = ([e.seq, e.at, e.action, e.target, e.detail.get("outcome", "")] for e in entries)
        table(("SEQ", "AT", "ACTION", "TARGET", "OUTCOME"), cells)
    if verdict.broken is not None:
        raise Stop(FAILED, f"error: {log.path}: line {verdict.broken.line}: {verdict.broken.why}")


@click.command()
@click.argument("machine")
@click.option("--bridges", default="", metavar="NAMES", help="The bridges that it may offer, by commas; any.")
@click.option("--person", default="", metavar="NAME", help="Whose keys may use them; the owner's by default.")
@json_option
@pass_context
def enroll(context: Context, machine: str, bridges: str, person: str, as_json: bool) -> None:
    """Make a token with which a machine becomes a companion: good once, for ten minutes."""
    names = [each.strip() for each in bridges.split(",") if each.strip()]
    api = context.api_or_none()
    if api is not None:
        made = api.call("POST", "/api/companions", {"machine": machine, "person": person, "bridges": names})
        token, until, url = str(made["token"]), str(made["expires_at"]), api.url
    else:
        token, until = _invited(context.load(), machine, person, names)
        url = "URL"
    if as_json:
        json_line("enrolment", {"token": token, "machine": machine, "expires_at": until})
        return
    print(token)
    say(f"good once, within {TOKEN_LASTS // 60} minutes, for a machine that is then called {machine}; there:")
    say(f"  llm-gateway companion --gateway {url} --join {token}")
    if url.startswith("https://"):
        say("  (with `--ca FILE` for a copy of this gateway's certificate, if it is one of your own)")
    else:
        say("  (from another machine by its https address, or through a tunnel: docs/companion.md)")


@click.group()
def companions() -> None:
    """List the machines that dial in, and end that."""


@companions.command("list")
@json_option
@pass_context
def list_companions(context: Context, as_json: bool) -> None:
    """List every machine that was ever enrolled, and those that are invited."""
    api = context.api_or_none()
    if api is not None:
        found = msgspec.convert(api.get("/api/companions")["companions"], list[CompanionView])
    else:
        now = SystemClock().now_us()
        with _store(context.load().home) as store:
            open_ones = (
                each for each in rows.invitations(store) if not each.used_us and each.expires_us > now
            )
            found = [companion_view(row) for row in rows.companions(store)]
            found += [invitation_view(each) for each in open_ones]
    if as_json:
        json_line("companions", {"companions": found})
        return
    table(
        _TITLES,
        (
            [
                each.machine,
                each.status + (", paused" if each.paused else ""),
                each.person,
                each.last_seen_at or each.expires_at,
                " ".join(f"{offer.provider}:{offer.state}" for offer in each.offers)
                or ",".join(each.bridges),
                each.key,
            ]
            for each in found
        ),
    )
    for each in found:
        if each.trouble:
            say(f"{each.machine} was away before: {each.trouble}")


@companions.command()
@click.argument("machine")
@pass_context
def revoke(context: Context, machine: str) -> None:
    """Let a machine in no longer; what it answers now is cut off."""
    api = context.api_or_none()
    if api is not None:
        api.call("DELETE", f"/api/companions/{machine}")
    else:
        _revoked(context.load().home, machine)
    say(f"{machine} is not let in any more; `llm-gateway enroll {machine}` makes a token to join anew")


@companions.command("pause")
@click.argument("machine")
@pass_context
def pause_there(context: Context, machine: str) -> None:
    """Have a machine answer nothing any more; that is ended at the machine itself."""
    context.api().call("POST", f"/api/companion-pauses/{machine}")
    say(f"{machine} answers nothing any more; `llm-gateway companion resume` there ends that")


# details


async def _serve(context: Context, loaded: Loaded, course: Course, caps: Caps) -> int:
    """Run the companion until a signal, or until it cannot go on."""
    clock = SystemClock()
    log = Log(clock, loaded.settings.log.level)
    tasks = Tasks(log.failure)
    upstream = open_upstream(loaded.settings.upstream)
    teller = Teller()
    made = desktop(loaded, context.environ, course, caps, (tasks, clock, upstream), teller.tell)
    stop = asyncio.Event()
    _on_signals(stop.set)
    try:
        door = await _door(context, loaded, course, made, tasks)
        running = tasks.start("companion", _outcome(made.companion))
        running.add_done_callback(lambda _: stop.set())
        tasks.start("say what is offered", teller.offers(made.companion))
        await stop.wait()
        if not running.done():
            say("stopping: answers that run may finish")
        if door is not None:
            await door.close()
        await made.close()
        running.cancel()
        await asyncio.wait({running})
        return OK if running.cancelled() else running.result()
    finally:
        await tasks.close()
        upstream.close()
        log.close()


async def _door(
    context: Context, loaded: Loaded, course: Course, made: Desktop, tasks: Tasks
) -> OpenDoor | None:
    """Open the door for this machine's clients, where one is configured."""
    url, ca = course.way(load_identity(course.folder))
    if not loaded.settings.companion.door or not url:
        return None
    way = WayOut(line_to_gateway(url), trusting(ca))
    engines = await stand_ins(loaded, context.environ, made.fleet, say)

    def told(answer: Told) -> None:
        target = f"{answer.provider}/{answer.model}"
        made.journal.noted("door.answered_here", target, path=answer.path, status=answer.status)

    door = await OpenDoor.open(loaded, way, engines, tasks, told)
    say(f"this machine's clients: http://127.0.0.1:{door.port}, carried to {way.line.endpoint.url}")
    return door


def _certificates(loaded: Loaded, given: Path | None) -> str:
    """Return the certificates to trust in PEM, of the command line, else the configuration; "" for none."""
    file = given or (Path(loaded.settings.companion.ca) if loaded.settings.companion.ca else None)
    if file is None:
        return ""
    text = file.expanduser().read_text(encoding="ascii", errors="ignore") or "nothing"
    trusting(text)  # what is none is told before anything else happens
    return text


def _caps(loaded: Loaded, models: str, said: dict[str, int]) -> Caps:
    """Return what may be asked of this machine: what the command line says, else the configuration."""
    wanted = loaded.settings.companion
    named = tuple(each.strip() for each in models.split(",") if each.strip())
    caps = {
        "models": named or wanted.models,
        "parallel": wanted.parallel,
        "per_minute": wanted.turns_per_minute,
        "per_day": wanted.turns_per_day,
        "tokens_per_day": wanted.tokens_per_day,
        **said,
    }
    return msgspec.convert(caps, Caps)


async def _outcome(running: Companion) -> int:
    """Be a companion, and return the exit code of why that is over."""
    try:
        await running.run()
    except Refused as refused:
        say(f"error: {refused.message}")
        return REFUSED
    except ConfigError as error:
        say(f"error: {error}")
        return REFUSED if isinstance(error, RefusedByPolicy) else FAILED
    return OK


def _on_signals(end: Callable[[], None]) -> None:
    if os.name == "posix":
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end)


def _switch(context: Context) -> Switch:
    return Switch(folder_of(context.load().home))


def _invited(loaded: Loaded, machine: str, person: str, bridges: list[str]) -> tuple[str, str]:
    """Make a token in the ledger of a gateway that does not run; return it, and until when it is good."""
    now = SystemClock().now_us()
    made = invitation(load_or_create_pepper(loaded.home), machine, now, person, bridges)
    with _store(loaded.home) as store:
        if any(row.machine == machine and not row.revoked_us for row in rows.companions(store)):
            raise Stop(
                FAILED,
                f"error: there is a companion called {machine}\n"
                f"hint: `llm-gateway companions revoke {machine}` ends that, or choose another name",
            )
        on_record(loaded.home, "companion.invite", machine, person=person, bridges=",".join(bridges))
        rows.invite(store, made.invitation)
    return made.token.reveal(), iso(made.invitation.expires_us)


def _revoked(home: Path, machine: str) -> None:
    with _store(home) as store:
        known = [row.id for row in rows.companions(store) if row.machine == machine and not row.revoked_us]
        invited = [each for each in rows.invitations(store) if each.machine == machine and not each.used_us]
        if not known and not invited:
            raise Stop(
                FAILED,
                f"error: there is no companion {machine!r}\nhint: `llm-gateway companions list` shows them",
            )
        on_record(home, "companion.revoke", machine)
        rows.withdraw(store, machine)
        for each in known:
            rows.revoke_companion(store, each, SystemClock().now_us())


@contextmanager
def _store(home: Path) -> Iterator[Store]:
    with offline(home, SystemClock(), lambda what, error: say(f"warning: {what}: {error}")) as store:
        yield store
