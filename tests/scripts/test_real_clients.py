"""How clients are installed: once for each set of pins, and what is said where that cannot be done.

`npm` and `uv` are small programs of the test's; they note how they were called.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from environment import Failed
from real_clients import FOLDER_VARIABLE, Impossible, Installation

ROOT = Path(__file__).resolve().parents[2]
TOOL = """#!/bin/sh
echo "${0##*/} $*" >> "$NOTES"
case "$*" in
    *view*|*dry-run*) exit "$ASKED" ;;
    *node_modules*|*venv*) exit 0 ;;
    *install*) [ "$HANGS" != "${0##*/}" ] || /bin/sleep 99; exit "$INSTALLED" ;;
esac
"""


class _Installed(Installation):
    """An installation whose programs say what a test wants."""

    def _versions(self) -> Iterator[tuple[str, str]]:
        yield from self.wanted("npm").items()


class _Hasty(_Installed):
    longest_s = 1.0


class Machine:
    """A machine with some tools, and a checkout that pins one client of each registry."""

    def __init__(self, home: Path, *tools: str) -> None:
        self.home = home
        self.environ = {
            "PATH": str(home / "bin"),
            FOLDER_VARIABLE: str(home / "clients-here"),
            "NOTES": str(home / "notes"),
            "INSTALLED": "0",
            "ASKED": "0",
            "HANGS": "",
        }
        (home / "bin").mkdir()
        for tool in tools:
            self._tool(home / "bin" / tool)
        self.pin("1.0.0")
        (home / "requirements.txt").write_text("llm==0.36\n", encoding="utf-8")

    def _tool(self, path: Path) -> None:
        path.write_text(TOOL, encoding="utf-8")
        path.chmod(0o755)

    def pin(self, version: str) -> None:
        told = json.dumps({"dependencies": {"client": version}})
        (self.home / "package.json").write_text(told, encoding="utf-8")

    def installation(self, kind: type[_Installed] = _Installed) -> _Installed:
        return kind(self.home, {"npm": "package.json", "python": "requirements.txt"}, self.environ)

    @property
    def calls(self) -> list[str]:
        return (self.home / "notes").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, "npm", "uv")


def test_everything_is_pinned_to_one_version() -> None:
    installation = Installation(ROOT)
    assert {"@anthropic-ai/claude-code", "@openai/codex"} <= set(installation.wanted("npm"))
    assert int(installation.wanted("node")["node"].partition(".")[0]) >= 22, "npm would choose older clients"
    for name in installation.pins:
        wanted = installation.wanted(name)
        assert wanted and all(version[0].isdigit() for version in wanted.values()), name
    lines = installation.pins["python"].read_text(encoding="utf-8").split()
    assert len(lines) == len(installation.wanted("python")), "every line is a name and a version"


def test_it_is_done_once(machine: Machine) -> None:
    installation = machine.installation()
    assert installation.ready() == machine.home / "clients-here"
    assert [call.split()[:2] for call in machine.calls] == [["npm", "install"], ["uv", "venv"], ["uv", "pip"]]
    machine.installation().ready()
    assert len(machine.calls) == 3


def test_another_pin_asks_for_another_installation(machine: Machine) -> None:
    machine.installation().ready()
    machine.pin("1.0.1")
    assert machine.installation().installed() != machine.installation().digest()
    machine.installation().ready()
    assert len(machine.calls) == 6


def test_one_that_broke_off_is_none(machine: Machine) -> None:
    machine.installation().ready()
    machine.pin("1.0.1")
    machine.environ["INSTALLED"] = "1"
    with pytest.raises(Failed):
        machine.installation().ready()
    assert machine.installation().installed() == ""


@pytest.mark.parametrize("tools", [("npm", "uv"), ("uv",)])
def test_no_registry_makes_it_impossible(tmp_path: Path, tools: tuple[str, ...]) -> None:
    machine = Machine(tmp_path, *tools)
    machine.environ |= {"INSTALLED": "1", "ASKED": "1"}
    with pytest.raises(Impossible, match="no registry answers"):
        machine.installation().ready()


def test_a_registry_that_answers_makes_it_a_failure(machine: Machine) -> None:
    machine.environ["INSTALLED"] = "1"
    with pytest.raises(Failed, match="npm could not install what is pinned"):
        machine.installation().ready()
    assert machine.calls[-1].startswith("npm view npm version")


def test_a_registry_that_takes_too_long_makes_it_impossible(machine: Machine) -> None:
    machine.environ["HANGS"] = "npm"
    with pytest.raises(Impossible, match="npm did not come to an end in 1 s"):
        machine.installation(_Hasty).ready()


def test_without_npm_there_is_one_from_python(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "uv")
    npm = tmp_path / "clients-here" / "npm-itself" / "bin" / "npm"
    npm.parent.mkdir(parents=True)
    machine._tool(npm)
    machine.installation().ready()
    first, second, third, *_ = machine.calls
    assert first.endswith("clients-here/npm-itself")
    assert second.endswith("clients/npm/requirements.txt")
    assert third.startswith("npm install")


def test_a_version_that_npm_chose_by_itself_is_an_error(machine: Machine) -> None:
    package = machine.home / "package"
    package.mkdir()
    (package / "package.json").write_text('{"version": "1.0.2", "bin": {"client": "x"}}', encoding="utf-8")
    with pytest.raises(Failed, match=r"package is 1\.0\.2, and 1\.0\.0 is pinned"):
        machine.installation()._programs(package, "1.0.0")
    assert machine.installation()._programs(package, "1.0.2") == ["client"]


@pytest.mark.parametrize(
    ("said", "right"), [("client 1.0.0 (x)", True), ("11.0.0", False), ("1.0.0.1", False)]
)
def test_a_program_has_to_say_its_version(machine: Machine, said: str, right: bool) -> None:
    program = machine.home / "bin" / "client"
    program.write_text(f"#!/bin/sh\necho '{said}'\n", encoding="utf-8")
    program.chmod(0o755)
    installation = machine.installation()
    installation.folder.mkdir()
    if right:
        assert installation._said(str(program), "1.0.0") == "1.0.0"
    else:
        with pytest.raises(Failed, match=r"should be 1\.0\.0, and says"):
            installation._said(str(program), "1.0.0")
