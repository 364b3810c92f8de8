"""Whether the file of the configuration has changed since it was last read; what then, the wiring knows."""

from pathlib import Path

__all__ = ["FileWatch"]


class FileWatch:
    """Look at a file from time to time; a change counts once the file has stopped changing."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._used = self._last = _stamp(file)

    def changed(self) -> bool:
        """Say whether the file differs from the last one that counted, and is as the last look found it."""
        now = _stamp(self._file)
        settled = now == self._last and now != self._used
        if settled:
            self._used = now
        self._last = now
        return settled


def _stamp(file: Path) -> tuple[int, ...]:
    """Return what changes when a file does; nothing for one that is not there."""
    try:
        status = file.stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino
