"""What the machine knows about processes: CPU time, memory, processors, free ports. Linux only."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["allowed_cpus", "cpu_seconds", "describe", "end", "free_port", "pin", "pss_mb", "renice", "start"]

_TICKS = os.sysconf("SC_CLK_TCK")


def start(
    command: Sequence[str],
    *,
    cpu: int,
    log: Path | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process on one processor, in a session of its own; stdout is a pipe when there is no log."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu} & before or before)
    try:
        out = log.open("wb") if log else None
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out or subprocess.PIPE,
                stderr=out or None,
                env=environ,
                cwd=cwd,
                start_new_session=True,
            )
        finally:
            if out:
                out.close()
    finally:
        os.sched_setaffinity(0, before)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children: in order, then not."""
    members = _tree(process.pid)
    for how, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        if process.poll() is not None:
            break
        for member in members:
            try:
                os.kill(member, how)
            except ProcessLookupError:
                pass
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    if process.stdout is not None:
        process.stdout.close()


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process and its descendants."""

    def ticks(member: int) -> int:
        fields = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    return _sum(pid, ticks) / _TICKS


def pss_mb(pid: int) -> float:
    """Return the memory of a process and its descendants, shared pages counted by share, in megabytes."""

    def kib(member: int) -> int:
        lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))

    return _sum(pid, kib) * 1024 / 1e6


def renice(pid: int, value: int) -> None:
    """Give all threads of a process tree a priority; a negative one needs root."""
    for member in _tree(pid):
        for task in os.listdir(f"/proc/{member}/task"):
            os.setpriority(os.PRIO_PROCESS, int(task), value)


def allowed_cpus() -> list[int]:
    """Return the processors that we may use."""
    return sorted(os.sched_getaffinity(0))


def pin(pid: int, cpu: int) -> None:
    """Keep all threads of a process on one processor."""
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {cpu})


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def describe() -> dict[str, object]:
    """Return what a reader must know of the machine to judge the figures."""
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    return {
        "cpu": models[0].partition(":")[2].strip() if models else "unknown",
        "cpus": len(os.sched_getaffinity(0)),
        "kernel": os.uname().release,
        "load_average": os.getloadavg(),
    }


def _sum(pid: int, of: Callable[[int], int]) -> int:
    total = 0
    for member in _tree(pid):
        try:
            total += of(member)
        except (FileNotFoundError, ProcessLookupError):
            pass  # ended meanwhile
    return total


def _tree(pid: int) -> list[int]:
    found: list[int] = []
    todo = [pid]
    while todo:
        member = todo.pop()
        found.append(member)
        try:
            for task in os.listdir(f"/proc/{member}/task"):
                children = Path(f"/proc/{member}/task/{task}/children").read_text()
                todo += [int(child) for child in children.split()]
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found
