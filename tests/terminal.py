"""The command line as somebody at a terminal uses it: within the test's process, or as a program."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pytest

from llm_gateway.cli.main import run

__all__ = ["Done", "Started", "Terminal", "program"]

# What a command may know of this machine: enough to run, nothing that would make providers appear.
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "PYTHONPATH")
_PATIENCE_S = 60


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Terminal:
    """Run commands on one home, in the test's own process."""

    def __init__(
        self, home: Path, capture: pytest.CaptureFixture[str], environ: Mapping[str, str] | None = None
    ) -> None:
        self.home = home
        self.environ = {"LLM_GATEWAY_HOME": str(home), **(environ or {})}
        self._capture = capture

    def __call__(self, *arguments: str) -> Done:
        """Run a command to its end."""
        self._capture.readouterr()
        code = run(arguments, self.environ)
        return Done(code, *self._capture.readouterr())

    def ok(self, *arguments: str) -> Done:
        """Run a command that has to go well."""
        done = self(*arguments)
        assert done.code == 0, done
        return done

    def json(self, *arguments: str) -> dict[str, object]:
        """Return what a command says with `--json`: one object on one line."""
        return _object(self.ok(*arguments, "--json").out)


def program(home: Path, *arguments: str, environ: Mapping[str, str] | None = None, typed: str = "") -> Done:
    """Run a command as a process of its own, to its end; somebody types, or nobody is there."""
    done = subprocess.run(
        _command(arguments),
        check=False,
        env=_environ(home, environ),
        input=typed,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
    )
    return Done(done.returncode, done.stdout, done.stderr)


class Started:
    """A command that goes on until it is told to stop. Use as a context manager."""

    def __init__(self, home: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            _command(arguments),
            env=_environ(home, environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def line(self) -> str:
        """Return the next line on stdout; an end without one is an error."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"it ended without a word: {self.end()}")
        return line

    def object(self) -> dict[str, object]:
        """Return the next line on stdout, a JSON object."""
        return _object(self.line())

    def send(self, name: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(name)

    def end(self) -> Done:
        """Wait for the end and return what was not read yet."""
        out, err = self.process.communicate(timeout=_PATIENCE_S)
        return Done(self.process.returncode, out, err)


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "llm_gateway", *arguments]


def _environ(home: Path, more: Mapping[str, str] | None) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # What else runs on the machine of a test is nothing to it.
    own = {"HOME": str(home.parent), "LLM_GATEWAY_HOME": str(home), "LLM_GATEWAY_CLIENTS__DETECT": "false"}
    return {**kept, **own, **(more or {})}


def _object(line: str) -> dict[str, object]:
    assert line.count("\n") == 1 and line.endswith("\n"), line
    value = json.loads(line)
    assert isinstance(value, dict)
    return value
