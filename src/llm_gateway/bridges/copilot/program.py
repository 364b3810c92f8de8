"""The `copilot` program: where it is, the environment it gets, and what a person types to log in with it.

Not a conversation: that is its server's. Its login is its own business, in a keychain or its own folder, and
is never read here. Variables: `copilot help environment`.
"""

import shlex
from pathlib import Path

from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action
from llm_gateway.bridges.process import find_program, scrubbed
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.config.bridges import BridgeSettings

__all__ = ["CLI", "INSTALL", "Program"]

CLI = "the Copilot CLI"

INSTALL = Action(
    "install the Copilot CLI",
    command="npm install -g @github/copilot",
    url="https://docs.github.com/copilot/how-tos/set-up/install-copilot-cli",
)

# COPILOT_PROVIDER_* is not passed on: it may well name this gateway, and a turn would come back here.
# GITHUB_TOKEN and GH_TOKEN are not, either: they are for other programs, and the CLI would prefer them to
# its own login. COPILOT_GITHUB_TOKEN is how a host without a keychain is given a login for the CLI alone.
_PASSED = ("COPILOT_GITHUB_TOKEN", "COPILOT_GH_HOST", "GH_HOST", "COPILOT_HOME")


class Program:
    """The vendor's program on this machine."""

    def __init__(self, settings: BridgeSettings, around: Surroundings) -> None:
        self._around = around
        self._given = settings.program
        self._home = str(Path(settings.home).expanduser()) if settings.home else ""

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment that it gets."""
        environ = scrubbed(self._around.environ, _PASSED)
        if self._home:  # the keychain has one login for all folders
            environ |= {"COPILOT_HOME": self._home, "COPILOT_DISABLE_KEYTAR": "1"}
        return environ

    def command(self, *words: str) -> str:
        """Return what a person types to run it for the login that the bridge uses."""
        told = shlex.join((self._given or "copilot", *words))
        return f"COPILOT_HOME={shlex.quote(self._home)} {told}" if self._home else told

    def find(self) -> Path:
        """Return where it is; BridgeFault when it is not there."""
        path = find_program("copilot", self._around.environ, self._given)
        if path is None:
            where = f"at {self._given}" if self._given else "on the path"
            raise BridgeFault(
                "bridge_not_installed",
                f"the bridge needs the program `copilot`, which is not {where}; install the Copilot CLI, or "
                "say where it is with `program`",
                action=INSTALL,
            )
        return path
