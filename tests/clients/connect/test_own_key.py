"""The key of an application beside the record of its connection."""

import stat
from pathlib import Path

import pytest

from llm_gateway.clients.connect.own_key import (
    PLACEHOLDER,
    OwnKey,
    forget_own_key,
    keep_own_key,
    name_of_key,
    read_own_key,
)
from llm_gateway.clients.connect.showing import masked
from llm_gateway.errors import ConfigError


def test_it_is_kept_for_its_owner_and_forgotten(tmp_path: Path) -> None:
    assert read_own_key(tmp_path, "zed") is None
    keep_own_key(tmp_path, "zed", OwnKey("key_1", "lgw_of_nobody"))
    path = tmp_path / "connections" / "zed.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_own_key(tmp_path, "zed") == OwnKey("key_1", "lgw_of_nobody")
    forget_own_key(tmp_path, "zed")
    forget_own_key(tmp_path, "zed")
    assert read_own_key(tmp_path, "zed") is None


def test_what_is_no_key_is_said(tmp_path: Path) -> None:
    keep_own_key(tmp_path, "zed", OwnKey("key_1", "lgw_of_nobody"))
    (tmp_path / "connections" / "zed.key").write_bytes(b"{}")
    with pytest.raises(ConfigError, match="holds no key of ours; delete it"):
        read_own_key(tmp_path, "zed")


def test_a_name_is_no_longer_than_a_keys_may_be() -> None:
    assert name_of_key("zed", "laptop") == "zed@laptop"
    assert len(name_of_key("zed", "x" * 99)) == 64


def test_what_stands_for_a_key_is_shown_as_one() -> None:
    assert masked(f"key = {PLACEHOLDER}") == "key = lgw_…0new"
