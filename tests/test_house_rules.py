"""House rules: the import contracts and the places where a reader looks first."""

import importlib.metadata
import subprocess
import sys
import tomllib

import llm_gateway
from house import ROOT, SOURCE, python_files, text

LINT = "from importlinter.cli import lint_imports_command as run; run()"


def test_rooms_import_downward_only() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_version_is_told_once() -> None:
    project = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]
    assert project["version"] == llm_gateway.__version__
    assert importlib.metadata.version(project["name"]) == llm_gateway.__version__


def test_every_room_is_on_the_map() -> None:
    drawn = text(ROOT / "docs" / "architecture.md")
    rooms = {path.relative_to(SOURCE).parts[0] for path in python_files("src") if path.parent != SOURCE}
    assert not {room for room in rooms if f"`{room}/`" not in drawn}


def test_what_a_reader_looks_for_is_there() -> None:
    for name in ("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "constraints.txt", "Makefile"):
        assert text(ROOT / name).strip(), name
