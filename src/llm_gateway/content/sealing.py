"""Sealing: AES-256-GCM under a data key of each owner, which is wrapped by the master key in the same way.

A sealed text is a version byte, a random nonce of 96 bits, and the ciphertext with its tag. It is bound to
its place by the associated data: a row that was moved, renamed or given another time does not open. Imported
by `seals.py` alone, when it is needed.
"""

import os

import msgspec
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from llm_gateway.content.seals import Place
from llm_gateway.errors import ContentDamaged

__all__ = ["MasterKey"]

_VERSION = b"\x01"
_NONCE = 12  # NIST SP 800-38D, 8.2.2: at random, good for 2**32 texts of one key
_KEY_BYTES = 32
_LEVEL = 3
_WRAPPING = "data key"


class MasterKey:
    """Wrap and unwrap data keys."""

    def __init__(self, master: bytes) -> None:
        self._master = AESGCM(master)

    def make(self, owner: str) -> bytes:
        """Return a new data key of an owner, wrapped."""
        return _seal(self._master, _bound(_WRAPPING, owner), os.urandom(_KEY_BYTES))

    def unwrap(self, owner: str, wrapped: bytes) -> "_DataKey":
        """Return the data key; ContentDamaged when it is not this owner's or was wrapped by another key."""
        try:
            return _DataKey(_open(self._master, _bound(_WRAPPING, owner), wrapped))
        except (InvalidTag, ValueError):
            raise ContentDamaged(
                f"the content of key {owner} cannot be opened: it was sealed with another master key, or its "
                "data key was altered; put back the master key of then (the home's `master-key`, or the "
                "file that LLM_GATEWAY_MASTER_KEY_FILE names), or erase it with `llm-gateway content erase`"
            ) from None


class _DataKey:
    """The key of one owner's content."""

    def __init__(self, key: bytes) -> None:
        self._key = AESGCM(key)

    def seal(self, place: Place, payload: bytes) -> bytes:
        """Return bytes that tell nothing but about how long the payload is, compressed."""
        compressed = zstandard.ZstdCompressor(level=_LEVEL).compress(payload)
        return _seal(self._key, msgspec.json.encode(place), compressed)

    def open(self, place: Place, sealed: bytes) -> bytes:
        """Return what was sealed for this place; ContentDamaged for anything else."""
        try:
            compressed = _open(self._key, msgspec.json.encode(place), sealed)
        except (InvalidTag, ValueError):
            raise ContentDamaged(
                f"the {place.kind} {place.id} cannot be opened: its row was altered, or moved from another "
                "place; put a copy of the database back, or delete it"
            ) from None
        return zstandard.ZstdDecompressor().decompress(compressed)


def _bound(*names: str) -> bytes:
    return msgspec.json.encode(names)


def _seal(key: AESGCM, bound: bytes, text: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return _VERSION + nonce + key.encrypt(nonce, text, bound)


def _open(key: AESGCM, bound: bytes, sealed: bytes) -> bytes:
    start = len(_VERSION)
    if sealed[:start] != _VERSION:
        raise ValueError("not sealed by this version")
    return key.decrypt(sealed[start : start + _NONCE], sealed[start + _NONCE :], bound)
