"""Browsers are installed where they are missing and can be, and only then."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import real_browsers

APT = """#!/bin/sh
echo "$*" >> "$0.log"
for word; do
  case $word in
    chromium | firefox-esr)
      [ -z "$REFUSED" ] || exit 100
      ln -s /bin/true "$(dirname "$0")/$word" ;;
  esac
done
"""


@contextmanager
def path_of(folder: Path, programs: Sequence[str]) -> Iterator[None]:
    """Have a path on which there are these programs and nothing else of the kind."""
    folder.mkdir()
    for name in programs:
        (folder / name).write_text(APT)
        (folder / name).chmod(0o755)
    for name in ("sh", "ln", "dirname"):
        (folder / name).symlink_to(f"/bin/{name}" if name != "dirname" else "/usr/bin/dirname")
    (folder / "sudo").write_text('#!/bin/sh\nshift\nexec "$@"\n')
    (folder / "sudo").chmod(0o755)
    before = os.environ["PATH"]
    os.environ["PATH"] = str(folder)
    try:
        yield
    finally:
        os.environ["PATH"] = before


def test_what_is_there_is_not_installed(tmp_path: Path) -> None:
    with path_of(tmp_path / "bin", ["apt-get", *real_browsers.BROWSERS]):
        real_browsers.ready()
    assert not (tmp_path / "bin" / "apt-get.log").exists()


def test_what_is_missing_is_installed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with path_of(tmp_path / "bin", ["apt-get", "chromium"]):
        real_browsers.ready()
    told = (tmp_path / "bin" / "apt-get.log").read_text().splitlines()
    assert told == ["update -qq", "install -y -qq --no-install-recommends firefox-esr"]
    assert "installing firefox-esr" in capsys.readouterr().err


def test_where_there_is_no_way_to_them_that_is_said(tmp_path: Path) -> None:
    with path_of(tmp_path / "bin", []), pytest.raises(real_browsers.Unavailable, match="there is no apt-get"):
        real_browsers.ready()


def test_a_package_that_cannot_be_had_is_said(tmp_path: Path) -> None:
    os.environ["REFUSED"] = "1"
    try:
        with (
            path_of(tmp_path / "bin", ["apt-get"]),
            pytest.raises(real_browsers.Unavailable, match=r"chromium and firefox-esr: .* exit status 100"),
        ):
            real_browsers.ready()
    finally:
        del os.environ["REFUSED"]
