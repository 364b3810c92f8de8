"""Install real AI clients in the versions that the folder `clients` pins, for the tests that run them.

They go to `.clients`, or where LLM_GATEWAY_CLIENTS says; nothing is installed for the user or the
system. What the clients do is in `tests/clients_e2e`. Standard library only.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bounded import TooLong, bounded
from environment import Failed, say

__all__ = ["FOLDER_VARIABLE", "Impossible", "Installation"]

FOLDER_VARIABLE = "LLM_GATEWAY_CLIENTS"
_PINS = {
    "node": "clients/node/package.json",
    "npm": "clients/package.json",
    "python": "clients/requirements.txt",
    "aider": "clients/aider/requirements.txt",
}
# Where a machine has no npm: a package of Python's that brings one.
_NPM_ITSELF = "clients/npm/requirements.txt"
_NPM = ("install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)$", re.MULTILINE)
# A probe of a registry, or of an installed program.
_PROBE_S = 60.0
# Nothing listens there: what a program would look up on the network while it says its version.
_NOWHERE = "http://127.0.0.1:9"


class Impossible(Exception):
    """The clients cannot be installed on this machine, whatever the pins say; the message says why."""


class Installation:
    """The clients of one checkout, or with other `pins` anything else from the same registries.

    `pins` are the names of folders, and what npm (`package.json`) or pip (`requirements.txt`) puts there.
    """

    what = "real clients"
    size = "2.8 GB"
    stamp = "installed.json"
    longest_s = 480.0

    def __init__(
        self, root: Path, pins: Mapping[str, str] = _PINS, environ: Mapping[str, str] = os.environ
    ) -> None:
        self.folder = Path(environ.get(FOLDER_VARIABLE) or root / ".clients")
        self._npm_itself = root / _NPM_ITSELF
        self._environ = environ
        self.pins = {name: root / pin for name, pin in pins.items()}
        self._stamp = self.folder / self.stamp

    def ready(self) -> Path:
        """Install what is missing; return the folder."""
        digest = self.digest()
        if self.installed() == digest:
            return self.folder
        began = time.monotonic()
        say(f"installing {self.what} into {self.folder}: a minute or two, {self.size}")
        self._stamp.unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._install()
        versions = self.versions()
        self._stamp.write_text(json.dumps({"digest": digest, "versions": versions}), encoding="utf-8")
        told = ", ".join(f"{name} {version}" for name, version in versions.items())
        say(f"installed in {time.monotonic() - began:.0f} s: {told}")
        return self.folder

    def digest(self) -> str:
        """Return what changes when the clients have to be installed anew."""
        inputs = hashlib.sha256(repr((sys.version_info[:2], str(self.folder))).encode())
        for pin in self.pins.values():
            inputs.update(pin.read_bytes())
        return inputs.hexdigest()

    def installed(self) -> str:
        """Return the digest of the last installation that came to its end."""
        try:
            return str(json.loads(self._stamp.read_text(encoding="utf-8"))["digest"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    @property
    def path(self) -> str:
        """Return a search path that finds the clients and their Node first."""
        node = ("npm/node_modules/.bin", "node/node_modules/node/bin")
        ours = (*node, "python/bin", "aider/bin", "npm-itself/bin")
        return os.pathsep.join([*(str(self.folder / name) for name in ours), self._environ["PATH"]])

    def wanted(self, name: str) -> dict[str, str]:
        """Return the versions that are pinned for a folder."""
        pins = self.pins[name].read_text(encoding="utf-8")
        if self.pins[name].suffix == ".txt":
            return dict(_PIN.findall(pins))
        return {str(package): str(version) for package, version in json.loads(pins)["dependencies"].items()}

    def versions(self) -> dict[str, str]:
        """Ask every program for its version; raise Failed when one is not what is pinned."""
        return dict(self._versions())

    # details

    def _install(self) -> None:
        until = time.monotonic() + self.longest_s
        npm = self._find("npm")
        try:
            if npm is None:
                self._pip_install("npm-itself", self._npm_itself, until)
                npm = str(self.folder / "npm-itself/bin/npm")
            for name, pin in self.pins.items():
                if pin.suffix == ".txt":
                    self._pip_install(name, pin, until)
                else:
                    self._npm_install(npm, name, until)
        except TooLong as error:
            raise Impossible(f"{error}, of {self.longest_s:.0f} s for everything") from None

    def _npm_install(self, npm: str, name: str, until: float) -> None:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        shutil.copyfile(self.pins[name], folder / "package.json")
        if self._run([npm, *_NPM], until, cwd=folder):
            ask = [npm, "view", "npm", "version", "--fetch-retries=0", "--loglevel=silent"]
            raise self._unreachable_or_wrong("npm", [*ask, "--cache"])

    def _pip_install(self, name: str, pins: Path, until: float) -> None:
        """Make a virtual environment and install into it, by uv where there is one."""
        folder = str(self.folder / name)
        python = f"{folder}/bin/python"
        if uv := self._find("uv"):
            make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder]
            install = [uv, "pip", "install", "--quiet", "--python", python, "-r", str(pins)]
            ask = [uv, "pip", "install", "--dry-run", "--reinstall", "--python", python, "pip", "--cache-dir"]
        else:
            make = [sys.executable, "-m", "venv", "--clear", folder]
            install = [python, "-m", "pip", "install", "-qq", "--no-input", "-r", str(pins)]
            ask = [python, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "-qq", "pip", "--dest"]
        if self._run(make, until):
            raise Failed(f"{folder} could not be made; the message is above")
        if self._run(install, until):
            raise self._unreachable_or_wrong("pip", ask)

    def _unreachable_or_wrong(self, which: str, ask: Sequence[str]) -> Exception:
        """Tell a machine without a registry from pins that do not fit: ask for what every registry has.

        `ask` ends where the name of a new folder belongs, so that no cache can answer.
        """
        with tempfile.TemporaryDirectory() as empty:
            try:
                reachable = self._run([*ask, empty], time.monotonic() + _PROBE_S, quiet=True) == 0
            except TooLong:
                reachable = False
        if reachable:
            return Failed(f"{which} could not install what is pinned; its own message is above")
        return Impossible(f"no registry answers {which}")

    def _run(
        self, command: Sequence[str], until: float, *, cwd: Path | None = None, quiet: bool = False
    ) -> int:
        environ = {**self._environ, "PATH": self.path}
        left = max(1.0, until - time.monotonic())
        return bounded(command, left, cwd=cwd or self.folder, environ=environ, quiet=quiet)

    def _find(self, program: str) -> str | None:
        return shutil.which(program, path=self._environ["PATH"])

    def _versions(self) -> Iterator[tuple[str, str]]:
        for place in ("node", "npm"):
            for package, version in self.wanted(place).items():
                for program in self._programs(self.folder / place / "node_modules" / package, version):
                    yield program, self._said(program, version)
        yield "llm", self._said("llm", self.wanted("python")["llm"])
        yield "aider", self._said("aider", self.wanted("aider")["aider-chat"])

    def _programs(self, package: Path, version: str) -> Sequence[str]:
        """Return the names of a package's programs; raise Failed when it is another version."""
        told = json.loads((package / "package.json").read_text(encoding="utf-8"))
        if told["version"] != version:
            raise Failed(f"{package.name} is {told['version']}, and {version} is pinned: npm chose by itself")
        programs = told.get("bin", {})
        return list(programs) if isinstance(programs, dict) else [package.name]

    def _said(self, program: str, version: str) -> str:
        """Return the version if the program says that it is this one; raise Failed otherwise."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), _NOWHERE)
        environ = {"PATH": self.path, "HOME": str(home), "COPILOT_OFFLINE": "true", **proxies}
        try:
            done = subprocess.run(
                [program, "--version"],
                check=False,
                env=environ,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_PROBE_S,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"{program} does not say its version in {_PROBE_S:.0f} s") from None
        if done.returncode or not re.search(rf"(?<![\d.]){re.escape(version)}(?!\.?\d)", done.stdout):
            raise Failed(
                f"{program} should be {version}, and says (exit {done.returncode}): {done.stdout[-500:]}"
            )
        return version
