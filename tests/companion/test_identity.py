"""A companion's key is kept for its owner alone, and comes back as it was."""

import stat
from pathlib import Path

import msgspec
import pytest

from llm_gateway.companion.identity import forget, load, make
from llm_gateway.errors import ConfigError


def test_an_identity_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "companion"
    assert load(folder) is None
    made = make("https://gateway.example", "a certificate")
    made.keep(folder)
    assert load(folder) == made
    assert made.gateway == "" and len(made.public_key) == 32 and len(made.thumbprint) == 64
    welcomed = msgspec.structs.replace(made, gateway="name", machine="mac")
    welcomed.keep(folder)
    assert load(folder) == welcomed and welcomed.thumbprint == made.thumbprint
    forget(folder)
    forget(folder)
    assert load(folder) is None
    assert make("").key != made.key


@pytest.mark.control("T14")
def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    make("").keep(tmp_path)
    file = tmp_path / "identity.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="open to others"):
        load(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{}", b'{"key":"AAAA"}', b'{"key":1}', b"\xff", b'{"key":"","x":1}'])
def test_a_damaged_file_is_told(tmp_path: Path, text: bytes) -> None:
    make("").keep(tmp_path)
    (tmp_path / "identity.json").write_bytes(text)
    with pytest.raises(ConfigError, match="llm-gateway enroll"):
        load(tmp_path)
