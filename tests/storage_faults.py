"""Storage that fails: bytes that the system refuses, and calls of it that fail one after the other.

What the system itself refuses (`no_larger_than`, for this process or another one) is the real thing; `Calls`
stands in front of a module's `os` where each single call has to fail once.
"""

import errno
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest

__all__ = ["Calls", "failing", "no_larger_than"]


@contextmanager
def no_larger_than(size: int, pid: int = 0) -> Iterator[None]:
    """Let no file of a process grow beyond a size: a write is cut short there, and the next one refused."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


class Calls:
    """The module `os` with calls that count, of which one, or every one from it on, fails.

    A write that fails may leave a part behind, as a full disk does: `part` bytes of it, without an error.
    """

    _COUNTED = ("open", "write", "fsync", "ftruncate", "dup", "close", "posix_fallocate")

    def __init__(self, at: int, code: int = errno.ENOSPC, *, lasting: bool = False, part: int = 0) -> None:
        self.count = 0
        self.failed: list[str] = []
        self._at = at
        self._code = code
        self._lasting = lasting
        self._part = part

    def __getattr__(self, name: str) -> object:
        real = getattr(os, name)
        if name not in self._COUNTED:
            return real

        def call(*args: object) -> object:
            self.count += 1
            if self.count != self._at and not (self._lasting and self.count > self._at):
                return real(*args)
            self.failed.append(name)
            if name == "close":
                real(*args)  # the handle is gone whatever close says
            if name == "write" and self._part:
                handle, data = args
                assert isinstance(handle, int) and isinstance(data, bytes)
                return os.write(handle, data[: self._part])
            raise OSError(self._code, os.strerror(self._code))

        return call


@contextmanager
def failing(calls: Calls, *modules: ModuleType) -> Iterator[Calls]:
    """Put the calls in front of these modules' `os`."""
    with pytest.MonkeyPatch.context() as patch:
        for module in modules:
            patch.setattr(module, "os", calls)
        yield calls
