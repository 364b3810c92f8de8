"""The gateway with a fault inside, as `python -m faults.inside`: what no test can do to it from outside.

The faults are named by the variable FAULTS, as JSON; each stands for something that a machine does: a slow
disk, a clock that is set, a process that dies at the worst moment. Nothing of this is part of the program.
"""

import json
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from llm_gateway.app import App
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.store import Statement

__all__ = ["PROGRAM", "environ"]

PROGRAM = (sys.executable, "-m", "faults.inside")


def environ(**faults: object) -> Mapping[str, str]:
    """Return the variables that let a gateway, started as PROGRAM, have these faults."""
    path = os.pathsep.join([str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")])
    return {"FAULTS": json.dumps(faults), "PYTHONPATH": path.rstrip(os.pathsep)}


def slow_sync(seconds: float) -> None:
    """Let every sync of a file take so long."""
    real = os.fsync

    def sync(handle: int) -> None:
        time.sleep(seconds)
        real(handle)

    os.fsync = sync  # type: ignore[assignment]  # the gateway syncs handles only


def sync_takes(file: str) -> None:
    """Let every sync of a file take the seconds that a file names."""
    real = os.fsync

    def sync(handle: int) -> None:
        time.sleep(float(Path(file).read_text(encoding="ascii")))
        real(handle)

    os.fsync = sync  # type: ignore[assignment]  # the gateway syncs handles only


def clock(file: str) -> None:
    """Add to the wall clock the seconds that a file names; the monotonic clock is nobody's to set."""
    real = time.time_ns

    def now() -> int:
        try:
            return real() + int(float(Path(file).read_text(encoding="ascii") or 0) * 1e9)
        except OSError:
            return real()

    time.time_ns = now


def look_again(seconds: float) -> None:
    """Look at the configuration more often than a person could change it."""
    defaults = App.__init__.__kwdefaults__
    assert defaults is not None
    defaults["look_again"] = seconds


def blocks(seconds: float) -> None:
    """Hold up the event loop for so long at each SIGUSR1."""
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(seconds))


def dies_in_migration(statement: int) -> None:
    """End by SIGKILL after so many statements of a migration, before they are committed."""
    real = SqliteStore.write

    def write(self: SqliteStore, statements: list[Statement]) -> list[int]:
        if any("INTO migrations" in sql for sql, _ in statements):
            killer = ("SELECT die()", ())
            self._connection.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
            statements = [*statements[:statement], killer, *statements[statement:]]
        return real(self, statements)

    SqliteStore.write = write  # type: ignore[method-assign, assignment]  # the fault


FAULTS: dict[str, Callable[..., None]] = {
    each.__name__: each for each in (slow_sync, sync_takes, clock, look_again, blocks, dies_in_migration)
}


def main() -> None:
    """Put the faults in and start the gateway."""
    for name, value in json.loads(os.environ["FAULTS"]).items():
        FAULTS[name](value)
    runpy.run_module("llm_gateway", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
