"""Mounts that only one child process sees: a small disk, a read-only folder, another list of name servers.

Linux, and the right to make a mount namespace, which root has. Where it is missing, `possible` says so, and
a test takes its other way.
"""

import functools
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["bound", "inside", "possible", "read_only", "small_disk"]

_GATEWAY = (sys.executable, "-m", "llm_gateway")


@functools.cache
def possible() -> bool:
    """Whether this machine lets us mount in a namespace of our own."""
    try:
        tried = subprocess.run(
            ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"],
            check=False,
            capture_output=True,
        )
    except FileNotFoundError:
        return False
    return tried.returncode == 0


def inside(*mounts: str, program: Sequence[str] = _GATEWAY) -> tuple[str, ...]:
    """Return a command that runs `program` where these mounts are made, with its process id."""
    script = " && ".join(["mount --make-rprivate /", *mounts, 'exec "$@"'])
    return ("unshare", "-m", "sh", "-c", script, "sh", *program)


def small_disk(folder: Path, size: str) -> str:
    """Return the mount of a disk of this size on a folder."""
    return f"mount -t tmpfs -o size={size},mode=0700 none {shlex.quote(str(folder))}"


def read_only(folder: Path) -> str:
    """Return the mount that lets nobody write to a folder, root included."""
    path = shlex.quote(str(folder))
    return f"mount --bind {path} {path} && mount -o remount,bind,ro {path}"


def bound(file: Path, over: Path) -> str:
    """Return the mount of a file over another one."""
    return f"mount --bind {shlex.quote(str(file))} {shlex.quote(str(over))}"
