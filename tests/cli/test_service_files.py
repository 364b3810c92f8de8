"""The file of a service: the record comes first, and is of what was there before all of it."""

from pathlib import Path

import pytest

from llm_gateway.cli.service_files import Installed, apply, planned, read_installed, take_back, undoing
from llm_gateway.clients.connect import CannotChange
from llm_gateway.errors import ConfigError

ENDS = Installed("", None, 0, "", stop=(("stop", "it"),), gone=(("look", "again"),))


def install(home: Path, path: Path, data: bytes) -> Installed:
    apply(home, "x", planned(path, data), ENDS)
    installed = read_installed(home, "x")
    assert installed is not None and path.read_bytes() == data
    assert (installed.stop, installed.gone) == (ENDS.stop, ENDS.gone)
    return installed


def test_a_record_is_of_what_was_there_before_the_first_time(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "unit"
    assert install(tmp_path, file, b"one").original is None
    installed = install(tmp_path, file, b"two")
    assert installed.original is None and installed.folders == (str(tmp_path / "a"), str(file.parent))
    take_back(tmp_path, "x", installed, undoing(installed))
    assert not (tmp_path / "a").exists() and read_installed(tmp_path, "x") is None


def test_what_somebody_made_of_it_is_what_a_later_install_puts_back(tmp_path: Path) -> None:
    file = tmp_path / "unit"
    install(tmp_path, file, b"one")
    file.write_bytes(b"mine")
    installed = install(tmp_path, file, b"two")
    assert installed.original == b"mine"
    take_back(tmp_path, "x", installed, undoing(installed))
    assert file.read_bytes() == b"mine"


def test_a_file_that_was_never_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    """The record is written, and then the power fails."""
    file = tmp_path / "unit"
    file.write_bytes(b"before")
    installed = install(tmp_path, file, b"ours")
    file.write_bytes(b"before")
    assert not undoing(installed).changes
    file.unlink()
    assert not undoing(installed).changes
    take_back(tmp_path, "x", installed, undoing(installed))
    assert not file.exists()


def test_a_change_of_somebodys_is_not_thrown_away(tmp_path: Path) -> None:
    file = tmp_path / "unit"
    installed = install(tmp_path, file, b"ours")
    file.write_bytes(b"theirs")
    with pytest.raises(CannotChange, match="was changed since it was installed"):
        undoing(installed)


def test_a_broken_record_is_said(tmp_path: Path) -> None:
    assert read_installed(tmp_path, "x") is None
    install(tmp_path, tmp_path / "unit", b"ours")
    (tmp_path / "services" / "x.json").write_bytes(b"{")
    with pytest.raises(ConfigError, match="cannot be read as the record of a service"):
        read_installed(tmp_path, "x")
