"""Files replaced whole, with their links, their owners and their modes."""

import os
import stat
from pathlib import Path

import pytest

from llm_gateway.clients.connect.files import (
    CannotChange,
    Change,
    digest,
    look,
    make_folders,
    missing_folders,
    remove_folders,
    write,
)


def test_a_file_is_made_changed_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert look(path) == (None, 0o600) and look(path / "below") == (None, 0o600)
    write(Change(path, None, b"1", 0o600, 0o600))
    assert look(path) == (b"1", 0o600)
    write(Change(path, b"1", b"2", 0o600, 0o640))
    assert look(path) == (b"2", 0o640)
    write(Change(path, b"2", None, 0o640, 0o640))
    assert os.listdir(tmp_path) == []
    assert digest(None) == "" and digest(b"1") != digest(b"2")


def test_what_changed_meanwhile_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"theirs")
    for change in (Change(path, b"1", b"2", 0o600, 0o600), Change(path, None, b"2", 0o600, 0o600)):
        with pytest.raises(CannotChange, match="somebody else meanwhile"):
            write(change)
    assert path.read_bytes() == b"theirs" and os.listdir(tmp_path) == ["a"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.mkdir()
    with pytest.raises(CannotChange, match="cannot be read: Is a directory"):
        look(path)
    with pytest.raises(CannotChange, match="cannot be written"):
        write(Change(tmp_path / "no" / "a", None, b"", 0o600, 0o600))
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have files of others")
def test_the_owner_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    os.chown(path, 1234, 2345)
    os.chown(tmp_path, 1234, 2345)
    write(Change(path, b"1", b"2", 0o600, 0o600))
    make_folders([str(tmp_path / "new")])
    write(Change(tmp_path / "new" / "b", None, b"", 0o600, 0o600))
    for each in (path, tmp_path / "new", tmp_path / "new" / "b"):
        assert (each.stat().st_uid, each.stat().st_gid) == (1234, 2345)


def test_folders_are_made_and_removed_as_far_as_they_are_empty(tmp_path: Path) -> None:
    folders = missing_folders(tmp_path / "x" / "y" / "z" / "file")
    assert folders == tuple(str(tmp_path / each) for each in ("x", "x/y", "x/y/z"))
    make_folders(folders)
    make_folders(folders)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o700
    (tmp_path / "x" / "theirs").write_text("")
    remove_folders(folders)
    assert os.listdir(tmp_path / "x") == ["theirs"]
    (tmp_path / "x" / "theirs").unlink()
    remove_folders(folders[:1])
    assert missing_folders(tmp_path / "file") == ()
    with pytest.raises(CannotChange, match="cannot be made"):
        make_folders([str(tmp_path / "no" / "way")])
