"""A login at rest: one small file under seal, AES-256-GCM, mode 0600. Not what is in it.

The key comes from the master key of the vault by a name of its own, so that no two purposes share one. A
copy of the file alone tells nothing; whoever has the folder and the master key has the login.
"""

import hmac
import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from llm_gateway.vault import read_private, write_private

__all__ = ["SealBroken", "SealedFile"]

_VERSION = b"\x01"
_NONCE = 12  # NIST SP 800-38D, 8.2.2


class SealBroken(Exception):
    """The file cannot be opened: it was altered, or sealed under another master key."""


class SealedFile:
    """A file that only this master key opens. `master` gives it, and makes it when it is first needed."""

    def __init__(self, path: Path, purpose: str, master: Callable[[], bytes]) -> None:
        self._path = path
        self._purpose = purpose.encode()
        self._master = master

    @property
    def mark(self) -> tuple[int, int, int]:
        """Return what tells whether somebody has written it since: zeros when it is not there."""
        try:
            found = os.stat(self._path)
        except OSError:
            return 0, 0, 0
        return found.st_ino, found.st_mtime_ns, found.st_size

    def read(self) -> bytes | None:
        """Return what was sealed, None when there is nothing; SealBroken or ConfigError when unusable."""
        sealed = read_private(self._path)
        if sealed is None:
            return None
        start = len(_VERSION)
        if sealed[:start] != _VERSION or len(sealed) < start + _NONCE:
            raise SealBroken
        try:
            return self._key().decrypt(
                sealed[start : start + _NONCE], sealed[start + _NONCE :], self._purpose
            )
        except InvalidTag:
            raise SealBroken from None

    def write(self, data: bytes) -> None:
        """Seal and put in place, whole or not at all; ConfigError when it cannot be written."""
        nonce = os.urandom(_NONCE)
        write_private(self._path, _VERSION + nonce + self._key().encrypt(nonce, data, self._purpose))

    def clear(self) -> None:
        """Remove it."""
        self._path.unlink(missing_ok=True)

    def _key(self) -> AESGCM:
        return AESGCM(hmac.digest(self._master(), self._purpose, "sha256"))
