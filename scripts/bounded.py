"""Run a program that may hang: when its time is over, it ends, and all that it started with it.

Only its own process group is ended, by its id. Standard library only.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["TooLong", "bounded"]

# What a program may take to put its things in order once it is asked to end.
_PATIENCE_S = 30.0


class TooLong(Exception):
    """The program did not end in time; the message says which, and how long that was."""


def bounded(
    command: Sequence[str],
    longest: float,
    *,
    cwd: Path,
    environ: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> int:
    """Run a command to its end; return its exit code, or raise TooLong after `longest` seconds.

    Whoever ends this process by SIGTERM meanwhile ends the command as Ctrl-C does.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    output = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(
        command, cwd=cwd, env=environ, stdout=output, stderr=output, start_new_session=True
    )
    try:
        return process.wait(longest)
    except subprocess.TimeoutExpired:
        raise TooLong(f"{Path(command[0]).name} did not come to an end in {longest:.0f} s") from None
    finally:
        _end(process)
        signal.signal(signal.SIGTERM, before)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the group: in order if it can, by force if it cannot."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            pass  # the next signal cannot be waited out
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nothing was left
    process.wait()
