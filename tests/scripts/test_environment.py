"""The environment is installed anew when its inputs changed, and left alone when they did not."""

import json
import sys
from pathlib import Path

import pytest

from environment import Environment


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """Return an environment that cannot be installed: the attempt would fail, loudly."""
    (tmp_path / "pyproject.toml").write_text("nothing that could be installed\n")
    (tmp_path / "constraints.txt").write_text("click==8.0\n")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return Environment(tmp_path)


def note(environment: Environment, root: Path, extras: list[str]) -> None:
    """Leave the stamp that an installation leaves, beside a Python that starts."""
    environment.folder.unlink()
    environment.programs.mkdir(parents=True)
    Path(environment.program("python")).symlink_to(sys.executable)
    stamp = {"digest": environment.digest(), "extras": extras}
    (root / ".venv" / "installed.json").write_text(json.dumps(stamp))


def test_the_digest_follows_the_inputs(environment: Environment, tmp_path: Path) -> None:
    before = environment.digest()
    assert before == environment.digest()
    (tmp_path / "constraints.txt").write_text("click==8.1\n")
    assert environment.digest() != before


def test_what_is_installed_already_is_left_alone(environment: Environment, tmp_path: Path) -> None:
    note(environment, tmp_path, ["local", "test"])
    environment.ready(["test"])
    environment.ready([])
    assert environment.installed() == (environment.digest(), {"local", "test"})


@pytest.mark.parametrize("stamp", ["", "[]", "{}", "null", '{"digest": 1}'])
def test_a_stamp_that_cannot_be_read_counts_as_none(
    environment: Environment, tmp_path: Path, stamp: str
) -> None:
    note(environment, tmp_path, [])
    (tmp_path / ".venv" / "installed.json").write_text(stamp)
    assert environment.installed() == ("", set())


def test_programs_are_those_of_the_environment(environment: Environment) -> None:
    assert Path(environment.program("python")).exists()
