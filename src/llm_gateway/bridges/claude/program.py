"""The `claude` program: where it is, which version, whose login it finds, and the environment it gets.

Not a turn: that is a session of it. Its login is never read here, only asked for: `claude auth status`.
Variables: code.claude.com/docs, "Environment variables".
"""

import asyncio
import re
import shlex
import shutil
import tempfile
from pathlib import Path

import msgspec

from llm_gateway import __version__
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action
from llm_gateway.bridges.process import Child, find_program, scrubbed
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.wire.ready import ready

__all__ = ["INSTALL", "LEAST", "Login", "Program"]

LEAST = "2.1.248"
"""The first version that takes a prompt as it was written, with `client_composed`: no command, no file that
it names (claude-agent-sdk, `_internal/transport/subprocess_cli.py`)."""

INSTALL = Action("install Claude Code, and log in with it once", url="https://code.claude.com/docs/en/setup")

# A base URL is not passed on: it may well be ours, and a turn would come back here. Keys are not, either: a
# bridge is for a login, and the program would prefer a key.
_PASSED = ("CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_GIT_BASH_PATH", "CLAUDE_CONFIG_DIR")
_SET = {
    "CLAUDE_AGENT_SDK_CLIENT_APP": f"llm-gateway/{__version__}",  # who we are, in the program's user agent
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",  # it would say again what was said already
    "CLAUDE_CODE_DISABLE_REFUSAL_RETRY": "1",  # a refusal is an answer
    "CLAUDE_CODE_DISABLE_TERMINAL_TITLE": "1",  # or some versions have a model think of one
    "CLAUDE_CODE_MAX_MCP_DESCRIPTION_LENGTH": "1000000",  # descriptions of tools come whole
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_AUTO_COMPACT": "1",  # a conversation is its client's to shorten
    "ENABLE_TOOL_SEARCH": "false",  # tools are told, not looked for
    "MAX_MCP_OUTPUT_TOKENS": "10000000",  # results of tools are told, not put into files
}
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_PATIENCE = 20.0


@ready
class Login(msgspec.Struct, frozen=True, rename="camel"):
    """What the program says of its login. `plan` is the kind of subscription.

    Whose it is stays there; `org_id` is no more than what its mark is made of.
    """

    logged_in: bool = False
    auth_method: str = ""
    subscription_type: str | None = None
    org_id: str | None = None

    @property
    def plan(self) -> str:
        """Return the kind of plan, or else the way in which it is logged in."""
        return self.subscription_type or ("" if self.auth_method == "none" else self.auth_method)


class Program:
    """The vendor's program on this machine."""

    def __init__(self, settings: BridgeSettings, around: Surroundings) -> None:
        self._around = around
        self._given = settings.program
        self._home = str(Path(settings.home).expanduser()) if settings.home else ""
        self._place: Path | None = None
        self._known: tuple[Path, int, str] | None = None

    @property
    def place(self) -> Path:
        """Return the empty folder, mode 0700, in which its sessions stand until the bridge closes.

        It is one for all of them: the program tells the model where it stands, and has logs by the place.
        """
        if self._place is None or not self._place.is_dir():  # a system tidies such folders up
            self._place = Path(tempfile.mkdtemp(prefix="llm-gateway-bridge-"))
        return self._place

    def close(self) -> None:
        """Remove the folder."""
        if self._place is not None:
            shutil.rmtree(self._place, ignore_errors=True)
            self._place = None

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment that it gets."""
        environ = scrubbed(self._around.environ, _PASSED) | _SET
        if self._home:
            environ["CLAUDE_CONFIG_DIR"] = self._home
        return environ

    @property
    def found(self) -> str:
        """Return the version that was found last, "" when none was."""
        return self._known[2] if self._known is not None else ""

    def command(self, *words: str) -> str:
        """Return what a person types to run it for the login that the bridge uses."""
        told = shlex.join((self._given or "claude", *words))
        return f"CLAUDE_CONFIG_DIR={shlex.quote(self._home)} {told}" if self._home else told

    def find(self) -> Path:
        """Return where it is; BridgeFault when it is not there."""
        path = find_program("claude", self._around.environ, self._given)
        if path is None:
            where = f"at {self._given}" if self._given else "on the path"
            raise BridgeFault(
                "bridge_not_installed",
                f"the bridge needs the program `claude`, which is not {where}; install Claude Code, or say "
                "where it is with `program`",
                action=INSTALL,
            )
        return path

    async def version(self) -> str:
        """Return its version, "" when it does not say; BridgeFault when it is not there."""
        path = self.find()
        stamp = path.stat().st_mtime_ns
        if self._known is None or self._known[:2] != (path, stamp):
            _, told = await self.run("--version")
            found = _VERSION.search(told)
            self._known = path, stamp, found[0] if found is not None else ""
        return self._known[2]

    async def check(self) -> str:
        """Return its version; BridgeFault when it cannot be used."""
        version = await self.version()
        if _numbers(version) < _numbers(LEAST):
            raise BridgeFault(
                "version_mismatch",
                f"the bridge needs Claude Code {LEAST} or newer, and {version or 'another program'} is "
                "installed; `claude update` brings it up to date",
                action=Action("bring Claude Code up to date", command=self.command("update")),
            )
        return version

    async def login(self) -> Login:
        """Ask it for its login, as a session of ours finds it: without the settings of its user.

        Settings may hold a key of ours, written there to connect Claude Code to this gateway.
        """
        _, told = await self.run("--setting-sources=", "auth", "status")
        try:
            return msgspec.json.decode(told, type=Login)
        except (msgspec.DecodeError, UnicodeEncodeError):
            raise BridgeFault(
                "bridge_failed", "`claude auth status` says nothing that is known; is it Claude Code?"
            ) from None

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Run it to its end; return its status and what it printed."""
        child = await Child.start(self.find(), arguments, self.environ)
        errors = self._around.tasks.start("the errors of claude", child.watch_errors())
        try:
            async with asyncio.timeout(_PATIENCE):
                printed = await _printed(child)
                return await child.wait(), printed
        except TimeoutError:
            raise BridgeFault(
                "bridge_failed", f"`claude` did not answer within {_PATIENCE:g} seconds; run it by hand once"
            ) from None
        finally:
            child.kill()
            await child.close()
            await errors


async def _printed(child: Child) -> str:
    lines = []
    while line := await child.line():
        lines.append(line)
    return b"".join(lines).decode("utf-8", "replace")


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")] if version else [0]
