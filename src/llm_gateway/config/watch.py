"""Whether files of the configuration have changed since they were last read; what then, the wiring knows."""

from pathlib import Path

__all__ = ["FileWatch"]


class FileWatch:
    """Look at files from time to time; a change counts once they have stopped changing."""

    def __init__(self, *files: Path) -> None:
        self._files = files
        self._used = self._last = tuple(map(_stamp, files))

    def changed(self) -> bool:
        """Say whether a file differs from what counted last, while all are as the last look found them."""
        now = tuple(map(_stamp, self._files))
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
