"""Records of connections on the disk."""

import stat
from pathlib import Path

import pytest

from llm_gateway.clients.connect.record import (
    Kept,
    Made,
    Record,
    exports_path,
    folder_of,
    forget,
    read_record,
    records,
    write_record,
)
from llm_gateway.clients.connect.traces import Trace
from llm_gateway.errors import ConfigError

FILE = Kept(
    "/etc/x",
    "json",
    b"\x00\xff\r\n" * 60_000,
    0o644,
    "d",
    0o600,
    (Made(("a", "b"), append=True, traces=(Trace(("c",), "d"),)),),
    ("/etc",),
)


def test_a_record_is_kept_whole_for_its_owner_alone(tmp_path: Path) -> None:
    record = Record("claude-code", "key", "key_1", 17, (FILE, Kept("/y", "toml", None, 0o600, "", 0o600)))
    write_record(tmp_path, record)
    assert read_record(tmp_path, "claude-code") == record
    assert stat.S_IMODE(folder_of(tmp_path).stat().st_mode) == 0o700
    assert stat.S_IMODE((folder_of(tmp_path) / "claude-code.json").stat().st_mode) == 0o600
    other = Record("aider", "key", "key_2", 18, ())
    write_record(tmp_path, other)
    exports_path(tmp_path, "aider").write_text("export A=1\n")
    assert records(tmp_path) == [other, record]
    forget(tmp_path, "claude-code")
    forget(tmp_path, "claude-code")
    assert records(tmp_path) == [other] and read_record(tmp_path, "claude-code") is None


def test_what_is_no_record_is_said(tmp_path: Path) -> None:
    assert records(tmp_path) == [] and read_record(tmp_path, "../../etc/passwd") is None
    folder_of(tmp_path).mkdir()
    (folder_of(tmp_path) / "zed.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"zed\.json cannot be read as the record of a connection"):
        records(tmp_path)
