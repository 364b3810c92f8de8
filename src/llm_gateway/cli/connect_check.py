"""Whether a connection works: the application is asked one question, and looked for in the ledger."""

import os
import signal
import subprocess
import tempfile

import msgspec

from llm_gateway.cli.local_api import LocalApi
from llm_gateway.cli.output import say, waiting
from llm_gateway.clients.connect import Wish, Words, variables_of
from llm_gateway.clients.connect.traces import filled
from llm_gateway.clients.machine import Machine

__all__ = ["Checked", "ask", "check"]

_PATIENCE_S = 60.0
_PROMPT = "Say hello in one short sentence."


class Checked(msgspec.Struct, frozen=True):
    """What came of the question."""

    captured: bool
    found: str
    hint: str = ""
    request_id: str = ""


def check(
    api: LocalApi | None, wish: Wish, words: Words, machine: Machine, *, wanted: bool | None
) -> Checked | None:
    """Ask, where that is wanted; None where it is not, or cannot be done and was not asked for."""
    row = wish.row
    program = machine.which(row.headless[0]) if row.headless else None
    if wanted is False:
        return None
    if api is None or program is None:
        missing = (
            "no gateway runs" if api is None else f"no command of {row.label} is here that could be asked"
        )
        return Checked(captured=False, found=missing, hint="leave out --verify") if wanted else None
    if wanted is None and not wish.files:
        return None
    say(f"asking {row.label} one question, to see that it comes through here; --no-verify leaves it out")
    before = {str(each["id"]) for each in _requests(api, row.id)}
    command = [str(filled(each, {**words.with_model(), "prompt": _PROMPT})) for each in row.headless[1:]]
    # What a shell will read in its next terminal has to be given to this process by hand.
    in_files = wish.files and all(file.format != "shell" for file in wish.files)
    given = {} if in_files else variables_of(wish, words)
    environ = {**machine.environ, **row.headless_env, **given}
    with waiting(f"the answer of {row.label}"):
        ended = ask([str(program), *command], environ)
    new = [each for each in _requests(api, row.id) if str(each["id"]) not in before]
    if new:
        request_id, status = str(new[0]["id"]), str(new[0]["status"])
        found = f"{row.label} comes through here: {request_id}"
        if status != "ok":
            found += f"; that turn ended with {status}: `llm-gateway requests show {request_id}` says why"
        return Checked(captured=True, found=found, request_id=request_id)
    found = f"{row.label} was asked and {ended}; nothing of it came through here"
    return Checked(
        captured=False, found=found, hint=f"`llm-gateway clients --client {row.id}` says what is known"
    )


def _requests(api: LocalApi, client: str) -> list[dict[str, object]]:
    told = api.get("/api/dashboard/requests", client=client, limit="50")
    return msgspec.convert(told["requests"], list[dict[str, object]])


def ask(command: list[str], environ: dict[str, str], patience: float = _PATIENCE_S) -> str:
    """Run a command in an empty folder, with nobody at its keyboard, and say how it ended."""
    with tempfile.TemporaryDirectory(prefix="llm-gateway-") as folder:
        try:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            return f"could not be started ({error.strerror})"
        try:
            return f"ended with exit code {child.wait(patience)}"
        except subprocess.TimeoutExpired:
            _end(child)
            return f"did not end within {patience:g} s"


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End a command with everything that it started."""
    try:
        if os.name == "posix":
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    except ProcessLookupError:
        pass
    child.wait()
