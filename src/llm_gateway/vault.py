"""Secrets: how they are kept, made and compared. Nothing here shows one, and nothing here stores one in a database.

The home folder holds two files of ours, both 0600: the pepper under which keys are digested, and the
owner's token, by which commands on this machine prove that they are the owner's.
"""

import hmac
import os
import secrets
import stat
import zlib
from pathlib import Path
from typing import NoReturn

from llm_gateway.errors import ConfigError

__all__ = [
    "Secret",
    "check_strength",
    "key_digest",
    "key_hint",
    "load_or_create_owner_token",
    "load_or_create_pepper",
    "looks_like_key",
    "mint_key",
    "read_owner_token",
]

_PREFIX = "lgw_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_DIGITS = 43  # 62^43 > 2^256
_CHECK_DIGITS = 6  # 62^6 > 2^32
_MIN_SECRET = 16
_SAMPLES = frozenset(
    {"changeme", "change-me", "secret", "password", "token", "admin", "test", "your-key", "lgw_example"}
)


class Secret:
    """A text that is never shown: not printed, formatted, compared, pickled or encoded. `reveal` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text; the caller must not let it out of its hands."""
        return self._text

    def __repr__(self) -> str:
        """Return a placeholder."""
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Return a placeholder."""
        return "***"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("a Secret is not serialised")


def mint_key() -> str:
    """Return a new gateway key: `lgw_`, 256 random bits in base62, and a checksum of what stands before it."""
    start = _PREFIX + _base62(secrets.randbits(256), _RANDOM_DIGITS)
    return start + _checksum(start)


def looks_like_key(text: str) -> bool:
    """Whether a text has the form of a gateway key and its checksum is right; says nothing of its being known."""
    if len(text) != len(_PREFIX) + _RANDOM_DIGITS + _CHECK_DIGITS or not text.startswith(_PREFIX):
        return False
    return _checksum(text[:-_CHECK_DIGITS]) == text[-_CHECK_DIGITS:]


def key_digest(pepper: bytes, key: str | bytes) -> bytes:
    """Return the HMAC-SHA-256 under which a key is known; the key itself is stored nowhere."""
    return hmac.digest(pepper, key.encode() if isinstance(key, str) else key, "sha256")


def key_hint(key: str) -> str:
    """Return what may be shown of a key, so that its owner knows which one it is."""
    return key[-4:]


def check_strength(name: str, secret: str) -> str:
    """Return a configured secret; ConfigError when it is empty, short or a sample from some manual."""
    text = secret.strip()
    if len(text) < _MIN_SECRET or text.lower() in _SAMPLES or len(set(text)) < 6:
        raise ConfigError(
            f"{name}: the secret is too weak; take at least {_MIN_SECRET} random characters, "
            "for example of `openssl rand -base64 32`"
        )
    return text


def load_or_create_pepper(home: Path) -> bytes:
    """Return the 32 bytes under which keys are digested; without them every key is worthless."""
    data = bytes.fromhex(_load_or_create(home / "pepper", secrets.token_hex(32)))
    if len(data) != 32:
        raise ConfigError(f"{home / 'pepper'}: this is not a pepper; restore it, or remove it and make new keys")
    return data


def load_or_create_owner_token(home: Path) -> str:
    """Return the token by which commands of this machine's owner are known to the gateway."""
    return _load_or_create(home / "owner-token", secrets.token_urlsafe(32))


def read_owner_token(home: Path) -> str | None:
    """Return the owner's token, or None where no gateway has run yet."""
    path = home / "owner-token"
    return _read(path) if path.exists() else None


def _load_or_create(path: Path, fresh: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(descriptor, "w") as file:
        file.write(fresh + "\n")
        file.flush()
        os.fsync(file.fileno())
    return fresh


def _read(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError as error:
        raise ConfigError(f"{path}: it cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor) as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if os.name == "posix" and mode & 0o077:
            raise ConfigError(f"{path}: others can read it (mode {mode:o}); `chmod 600 {path}`")
        text = file.read().strip()
    if not text:
        raise ConfigError(f"{path}: it is empty; restore it or remove it")
    return text


def _checksum(start: str) -> str:
    return _base62(zlib.crc32(start.encode("ascii")), _CHECK_DIGITS)


def _base62(number: int, digits: int) -> str:
    text: list[str] = []
    for _ in range(digits):
        number, digit = divmod(number, 62)
        text.append(_ALPHABET[digit])
    return "".join(reversed(text))
