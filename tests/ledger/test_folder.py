"""The ledger's folder is private and open once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llm_gateway.ledger.folder import Folder, Lock, create_private
from llm_gateway.ledger.refusal import LedgerBusy

posix = pytest.mark.skipif(os.name != "posix", reason="modes and links as POSIX has them")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@posix
def test_folders_and_files_are_their_owners_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "new" / "home")
    folder.create()
    create_private(folder.database)
    Lock(folder.lock).close()
    assert [mode(path) for path in (tmp_path / "new" / "home", folder.root, folder.journal)] == [0o700] * 3
    assert [mode(path) for path in (folder.database, folder.lock)] == [0o600] * 2


@posix
def test_modes_that_are_too_wide_are_tightened(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.root.mkdir(mode=0o755)
    folder.database.touch(mode=0o644)
    folder.create()
    create_private(folder.database)
    assert mode(folder.root) == 0o700 and mode(folder.database) == 0o600


@posix
def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        create_private(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()


def test_a_lock_is_held_once_and_names_its_holder(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    with pytest.raises(LedgerBusy, match=rf"pid {os.getpid()}.*llm-gateway down"):
        Lock(tmp_path / "lock")
    lock.close()
    Lock(tmp_path / "lock").close()


def test_the_lock_of_another_process_counts_until_it_dies(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\nfrom llm_gateway.ledger.folder import Lock\n"
        "held = Lock(pathlib.Path(sys.argv[1]))\nprint('held', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(LedgerBusy, match=f"pid {child.pid}"):
            Lock(tmp_path / "lock")
        child.kill()
        child.wait()
    Lock(tmp_path / "lock").close()
