"""A login at rest: nobody reads it without the master key, and nothing altered is taken for it."""

import hmac
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from llm_gateway.bridges.sealed import SealBroken, SealedFile
from llm_gateway.errors import ConfigError

KEY = bytes(32)


def sealed(path: Path, purpose: str = "p", key: bytes = KEY) -> SealedFile:
    return SealedFile(path / "login.sealed", purpose, lambda: key)


def test_what_is_sealed_is_private_and_unreadable(tmp_path: Path) -> None:
    file = sealed(tmp_path)
    assert file.read() is None and file.mark == (0, 0, 0)
    file.write(b"secret")
    path = tmp_path / "login.sealed"
    first = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"secret" not in first
    assert file.read() == b"secret" and file.mark != (0, 0, 0)
    before = file.mark
    file.write(b"secret")
    assert path.read_bytes() != first and file.mark != before
    file.clear()
    file.clear()
    assert file.read() is None


@pytest.mark.parametrize("at", [0, 5, 20, -1])
def test_one_altered_byte_is_noticed(tmp_path: Path, at: int) -> None:
    file = sealed(tmp_path)
    file.write(b"secret")
    path = tmp_path / "login.sealed"
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(SealBroken):
        file.read()
    path.write_bytes(b"\x01short")
    with pytest.raises(SealBroken):
        file.read()


def test_another_key_or_purpose_does_not_open_it(tmp_path: Path) -> None:
    sealed(tmp_path).write(b"secret")
    for other in (sealed(tmp_path, key=b"k" * 32), sealed(tmp_path, purpose="q")):
        with pytest.raises(SealBroken):
            other.read()


def test_it_is_sealed_under_a_key_of_its_own(tmp_path: Path) -> None:
    """The recipe, step by step: what is sealed today has to open tomorrow."""
    sealed(tmp_path).write(b"secret")
    data = (tmp_path / "login.sealed").read_bytes()
    own = AESGCM(hmac.digest(KEY, b"p", "sha256"))
    assert (data[:1], own.decrypt(data[1:13], data[13:], b"p")) == (b"\x01", b"secret")


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    sealed(tmp_path).write(b"secret")
    (tmp_path / "login.sealed").chmod(0o644)
    with pytest.raises(ConfigError, match="open to others"):
        sealed(tmp_path).read()
