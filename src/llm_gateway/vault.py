"""Secrets of the gateway itself: a type that does not show them, keys, pepper, master key, owner's token.

Not the place of providers' credentials at rest, and not who may do what: a key is made, recognised and
digested here, and judged elsewhere. Files are private to their owner or they are refused.
"""

import binascii
import hmac
import os
import stat
from pathlib import Path
from typing import NoReturn

from llm_gateway.errors import ConfigError

__all__ = [
    "Secret",
    "check_secret",
    "key_digest",
    "load_master_key",
    "load_or_create_owner_token",
    "load_or_create_pepper",
    "load_owner_token",
    "looks_like_join_token",
    "looks_like_key",
    "mint_join_token",
    "mint_key",
    "read_private",
    "write_private",
]

_SHOWN = "***"
_KEY_PREFIX = "lgw_"
_OWNER_PREFIX = "lgo_"
_JOIN_PREFIX = "lgj_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_BYTES = 32
_BODY_LENGTH = 43  # 62**43 > 2**256
_CHECKSUM_LENGTH = 6  # 62**6 > 2**32
_TOKEN_LENGTH = 4 + _BODY_LENGTH + _CHECKSUM_LENGTH
_PEPPER_BYTES = 32
_MASTER_BYTES = 32
_PRIVATE_MAX = 64 * 1024
_MIN_SECRET = 16
_MIN_DIFFERENT = 6

# What examples and default installations are full of; compared without case and punctuation, as a
# beginning, so that `changeme-changeme-1` is one too.
_SAMPLES = (
    "changeme",
    "changethis",
    "replaceme",
    "replacethis",
    "yourapikey",
    "yoursecret",
    "yourtoken",
    "yourkey",
    "insertyour",
    "pasteyour",
    "putyour",
    "password",
    "passw0rd",
    "letmein",
    "supersecret",
    "secretsecret",
    "examplekey",
    "exampletoken",
    "examplesecret",
    "samplekey",
    "sampletoken",
    "dummykey",
    "dummytoken",
    "defaultkey",
    "defaulttoken",
    "lgwexample",
    "lgwyour",
    "skexample",
    "skyour",
    "sk1234",
    "sklitellm",
    "12345678",
    "01234567",
    "abcdefgh",
    "deadbeef",
    "qwertyui",
)

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
# A named pipe in a secret's place must not hold up the start; the check for a plain file follows.
_READING = os.O_RDONLY | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | getattr(os, "O_BINARY", 0)
_HAS_MODES = os.name == "posix"


class Secret:
    """A text that only `reveal` gives away: not printing, formatting, serialising or pickling."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __eq__(self, other: object) -> bool:
        """Compare with another Secret in constant time; a plain text is never equal."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        """Return a hash that is salted anew in each process, as every text's is."""
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        """Show that it is a secret."""
        return f"Secret({_SHOWN})"

    def __str__(self) -> str:
        """Show that it is a secret."""
        return _SHOWN

    def __format__(self, spec: str) -> str:
        """Show that it is a secret, whatever the format."""
        return _SHOWN

    def __copy__(self) -> "Secret":
        """Return itself: it never changes."""
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        """Return itself: it never changes."""
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse: a pickle would hold the secret in the clear."""
        raise TypeError("a Secret cannot be pickled")


# keys


def mint_key() -> str:
    """Return a new gateway key: its prefix, 256 random bits and a checksum against typing errors."""
    return _mint(_KEY_PREFIX)


def looks_like_key(text: str | bytes) -> bool:
    """Return whether this is a gateway key by its form; whether it opens the door is another question."""
    return _well_formed(text, _KEY_PREFIX)


def mint_join_token() -> str:
    """Return a token with which one machine enrols, once: of the same form and strength as a key."""
    return _mint(_JOIN_PREFIX)


def looks_like_join_token(text: str) -> bool:
    """Return whether this is a join token by its form."""
    return _well_formed(text, _JOIN_PREFIX)


def key_digest(pepper: bytes, key: str | bytes) -> bytes:
    """Return what is stored of a key: its HMAC-SHA-256 under the pepper.

    A key has 256 random bits, so no slow hash is needed: there is nothing to guess.
    """
    return hmac.digest(pepper, key if isinstance(key, bytes) else key.encode("utf-8", "replace"), "sha256")


def check_secret(name: str, value: str) -> None:
    """Refuse a configured secret that protects nothing: empty, short, or known from examples.

    Raises ConfigError that names the setting and never the value.
    """
    if not value.strip():
        raise ConfigError(f"{name} is empty; unset it, or set it to at least {_MIN_SECRET} random characters")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigError(f"{name} holds a space or a character that no HTTP header can carry")
    if len(value) < _MIN_SECRET or len(set(value)) < _MIN_DIFFERENT:
        raise ConfigError(
            f"{name} is too easy to guess ({len(value)} characters); set it to at least "
            f"{_MIN_SECRET} random ones, for instance the output of `openssl rand -hex 32`"
        )
    bare = "".join(c for c in value.lower() if c.isalnum())
    if bare.startswith(_SAMPLES):
        raise ConfigError(
            f"{name} is a sample value that everybody knows; "
            "set it to random characters, for instance the output of `openssl rand -hex 32`"
        )


def _mint(prefix: str) -> str:
    body = prefix + _base62(int.from_bytes(os.urandom(_RANDOM_BYTES), "big"), _BODY_LENGTH)
    return body + _checksum(body)


def _well_formed(text: str | bytes, prefix: str) -> bool:
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    return (
        len(text) == _TOKEN_LENGTH
        and text.startswith(prefix)
        and text.isascii()
        and text[len(prefix) :].isalnum()
        and _checksum(text[:-_CHECKSUM_LENGTH]) == text[-_CHECKSUM_LENGTH:]
    )


def _checksum(text: str) -> str:
    return _base62(binascii.crc32(text.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, rest = divmod(number, 62)
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits))


# the home's private files


def load_or_create_pepper(home: Path) -> bytes:
    """Return the bytes that keys are digested with: from the home's file, made when there is none."""
    path = home / "pepper"
    pepper = _load_or_create(path, os.urandom(_PEPPER_BYTES))
    if len(pepper) != _PEPPER_BYTES:
        raise ConfigError(
            f"{path} holds {len(pepper)} bytes where {_PEPPER_BYTES} belong; restore it from a backup, "
            "or delete it and make all gateway keys anew"
        )
    return pepper


def load_master_key(home: Path, file: Path | None = None, *, make: bool) -> bytes:
    """Return the key under which keys of content are sealed: from `file`, else from the home's.

    With `make` the home's is made when there is none; a file that is named is never made.
    """
    path = file or home / "master-key"
    made = os.urandom(_MASTER_BYTES).hex().encode() + b"\n"
    data = _load_or_create(path, made) if make and file is None else read_private(path)
    if data is None:
        raise ConfigError(
            f"{path}: the master key is missing, and nothing that is kept can be read without it; put the "
            "file back, or name it in LLM_GATEWAY_MASTER_KEY_FILE"
        )
    text = data.decode("latin-1").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _MASTER_BYTES or len(text) != 2 * _MASTER_BYTES:
        raise ConfigError(
            f"{path} does not hold a master key: {2 * _MASTER_BYTES} hexadecimal digits, for instance the "
            "output of `openssl rand -hex 32`"
        )
    return key


def load_or_create_owner_token(home: Path) -> Secret:
    """Return the token that the owner's own commands show, made when there is none."""
    path = _owner_path(home)
    return _owner_token(path, _load_or_create(path, _mint(_OWNER_PREFIX).encode() + b"\n"))


def load_owner_token(home: Path) -> Secret | None:
    """Return the owner's token, or None where no gateway has run yet."""
    path = _owner_path(home)
    data = read_private(path)
    return None if data is None else _owner_token(path, data)


def _owner_path(home: Path) -> Path:
    return home / "owner-token"


def _owner_token(path: Path, data: bytes) -> Secret:
    text = data.decode("latin-1").strip()
    if not _well_formed(text, _OWNER_PREFIX):
        raise ConfigError(f"{path} does not hold an owner token; delete it and start the gateway again")
    return Secret(text)


def read_private(path: Path) -> bytes | None:
    """Return the content of a file that only its owner can read, None when there is none.

    Raises ConfigError for a link, for what is not a plain file of ours, and for modes looser than 0600.
    """
    try:
        handle = os.open(path, _READING)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read as a private file: {error.strerror}") from error
    try:
        _check_private(path, os.fstat(handle))
        data = os.read(handle, _PRIVATE_MAX + 1)
    finally:
        os.close(handle)
    if len(data) > _PRIVATE_MAX:
        raise ConfigError(f"{path} is over {_PRIVATE_MAX} bytes, which is nothing of ours")
    return data


def write_private(path: Path, data: bytes) -> None:
    """Put a file for its owner alone in place, whole or not at all, over one that is there."""
    temporary = _write_temporary(path, data)
    try:
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    _sync_folder(path.parent)


def _load_or_create(path: Path, fresh: bytes) -> bytes:
    known = read_private(path)
    if known is not None:
        return known
    temporary = _write_temporary(path, fresh)
    try:
        # A link never replaces: of two gateways that start at once, one makes the file, both read it.
        os.link(temporary, path)
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigError(f"{path} cannot be made: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)
    made = read_private(path)
    if made is None:
        raise ConfigError(f"{path} disappeared while it was made")
    return made


def _write_temporary(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(6).hex()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(temporary, _CREATING, 0o600), "wb") as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                temporary.unlink()
                raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    return temporary


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path} is not a plain file")
    if not _HAS_MODES:
        return
    if status.st_mode & 0o077:
        raise ConfigError(
            f"{path} is open to others (mode {stat.S_IMODE(status.st_mode):04o}); "
            f"if nobody can have read it, run `chmod 600 {path}`, else delete it"
        )
    if status.st_uid != os.geteuid():
        raise ConfigError(f"{path} belongs to user {status.st_uid}, not to the one that runs this")


def _sync_folder(folder: Path) -> None:
    """Make a new name durable; where folders cannot be opened (Windows) the system does it in its time."""
    if _HAS_MODES:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
