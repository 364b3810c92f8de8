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
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from environment import Failed, say

__all__ = ["FOLDER_VARIABLE", "Impossible", "Installation"]

FOLDER_VARIABLE = "LLM_GATEWAY_CLIENTS"
_PINS = {
    "node": "clients/node/package.json",
    "npm": "clients/package.json",
    "python": "clients/requirements.txt",
}
_NPM = ("install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)$", re.MULTILINE)
_LONGEST_S = 900
# Nothing listens there: what a program would look up on the network while it says its version.
_NOWHERE = "http://127.0.0.1:9"


class Impossible(Exception):
    """The clients cannot be installed on this machine, whatever the pins say; the message says why."""


class Installation:
    """The clients of one checkout, or with other `pins` anything else from the same registries.

    `pins` are the names of folders, and what npm (`package.json`) or pip (`requirements.txt`) puts there.
    """

    what = "real clients"
    size = "1.5 GB"
    stamp = "installed.json"

    def __init__(self, root: Path, pins: Mapping[str, str] = _PINS) -> None:
        self.folder = Path(os.environ.get(FOLDER_VARIABLE) or root / ".clients")
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
        ours = ("npm/node_modules/.bin", "node/node_modules/node/bin", "python/bin")
        return os.pathsep.join([*(str(self.folder / name) for name in ours), os.environ["PATH"]])

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
        npm = shutil.which("npm")
        if npm is None:
            raise Impossible("there is no npm on this machine (Debian and Ubuntu: apt-get install npm)")
        environ = {**os.environ, "PATH": self.path}
        folders = [name for name, pin in self.pins.items() if pin.suffix == ".txt"]
        pips = [subprocess.Popen(self._pip(name), env=environ) for name in folders]
        try:
            for name in self.pins:
                if name not in folders:
                    self._npm_install(npm, name, environ)
            for pip in pips:
                if pip.wait(_LONGEST_S):
                    raise self._unreachable_or_wrong(npm, "pip")
        finally:
            for pip in pips:
                if pip.poll() is None:
                    pip.kill()
                    pip.wait()

    def _npm_install(self, npm: str, name: str, environ: Mapping[str, str]) -> None:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        shutil.copyfile(self.pins[name], folder / "package.json")
        try:
            code = subprocess.call([npm, *_NPM], cwd=folder, env=environ, timeout=_LONGEST_S)
        except subprocess.TimeoutExpired:
            raise Impossible(f"npm did not come to an end in {_LONGEST_S} s") from None
        if code:
            raise self._unreachable_or_wrong(npm, "npm")

    def _unreachable_or_wrong(self, npm: str, which: str) -> Exception:
        """Tell a machine without a package registry from pins that do not fit together."""
        reachable = subprocess.call([npm, "ping", "--loglevel=error"], cwd=self.folder) == 0
        if reachable:
            return Failed(f"{which} could not install what is pinned; its own message is above")
        return Impossible("no package registry answers (npm ping)")

    def _pip(self, name: str) -> list[str]:
        """Return the command that makes a virtual environment of its own and installs into it."""
        folder, pins = str(self.folder / name), str(self.pins[name])
        steps = [
            [sys.executable, "-m", "venv", "--clear", folder],
            [f"{folder}/bin/python", "-m", "pip", "install", "-qq", "--no-input", "-r", pins],
        ]
        if uv := shutil.which("uv"):
            python = f"{folder}/bin/python"
            steps = [
                [uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder],
                [uv, "pip", "install", "--quiet", "--python", python, "-r", pins],
            ]
        run = "import subprocess, sys; [subprocess.run(step, check=True) for step in {!r}]"
        return [sys.executable, "-c", run.format(steps)]

    def _versions(self) -> Iterator[tuple[str, str]]:
        for place in ("node", "npm"):
            for package, version in self.wanted(place).items():
                for program in self._programs(self.folder / place / "node_modules" / package, version):
                    yield program, self._said(program, version)
        yield "llm", self._said("llm", self.wanted("python")["llm"])

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
        done = subprocess.run(
            [program, "--version"],
            check=False,
            env=environ,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        if done.returncode or not re.search(rf"(?<![\d.]){re.escape(version)}(?!\.?\d)", done.stdout):
            raise Failed(
                f"{program} should be {version}, and says (exit {done.returncode}): {done.stdout[-500:]}"
            )
        return version
