"""Where things are on a machine of each platform, and what runs there."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clients.homes import empty_home
from llm_gateway.clients.catalog import Client, Places, Platform
from llm_gateway.clients.machine import Machine, Process, machine_name, running, this_machine

ROW = Client("x", "X", "x", home={"any": "~/.x"}, moved_by="X_HOME")


def machine(platform: Platform, root: Path, **environ: str) -> Machine:
    made = empty_home(platform, root)
    return Machine(platform, made.home, {**made.environ, **environ}, root)


@pytest.mark.parametrize(
    ("platform", "place", "paths"),
    [
        ("linux", "~/.a", ["home/ann/.a"]),
        ("linux", "~", ["home/ann"]),
        ("linux", "/etc/a", ["etc/a"]),
        ("linux", "{config}/a", ["home/ann/.config/a"]),
        ("linux", "{data}/a", ["home/ann/.local/share/a"]),
        ("linux", "{home}/a", ["home/ann/.x/a"]),
        ("linux", "{home}", ["home/ann/.x"]),
        ("linux", "{shell}", ["home/ann/.bashrc"]),
        ("macos", "{config}/A", ["Users/ann/Library/Application Support/A"]),
        ("macos", "{data}/A", ["Users/ann/Library/Application Support/A"]),
        ("macos", "{applications}/A.app", ["Applications/A.app", "Users/ann/Applications/A.app"]),
        ("macos", "{shell}", ["Users/ann/.zshrc"]),
        ("windows", "{config}/A", ["Users/ann/AppData/Roaming/A"]),
        ("windows", "{data}/A", ["Users/ann/AppData/Local/A"]),
        ("windows", "~/.a", ["Users/ann/.a"]),
        ("windows", "{shell}", []),
        (
            "windows",
            "{applications}/A/A.exe",
            [
                "Users/ann/AppData/Local/Programs/A/A.exe",
                "Users/ann/AppData/Local/A/A.exe",
                "Program Files/A/A.exe",
            ],
        ),
    ],
)
def test_places_are_spelled_by_the_platforms_conventions(
    platform: Platform, place: str, paths: list[str], tmp_path: Path
) -> None:
    here = machine(platform, tmp_path)
    assert here.expand({"any": place}, ROW) == [tmp_path / path for path in paths]


def test_the_environment_moves_folders(tmp_path: Path) -> None:
    here = machine("linux", tmp_path, XDG_CONFIG_HOME="/c", XDG_DATA_HOME="relative", X_HOME="~/y")
    assert here.expand({"any": "{config}/a"}) == [Path("/c/a")]
    assert here.expand({"any": "{data}/a"}) == [here.home / ".local/share/a"], "what is relative is ignored"
    assert here.expand({"any": "{home}/a"}, ROW) == [here.home / "y/a"]
    assert machine("linux", tmp_path / "b", X_HOME="/z").home_of(ROW) == Path("/z")
    windows = machine("windows", tmp_path / "c", APPDATA="", LOCALAPPDATA="")
    assert windows.expand({"any": "{config}/a"}) == [windows.home / "AppData/Roaming/a"]


@pytest.mark.parametrize(
    ("platform", "shell", "file"),
    [
        ("linux", "/usr/bin/zsh", ".zshrc"),
        ("linux", "/usr/bin/fish", ".config/fish/config.fish"),
        ("linux", "/bin/dash", ".profile"),
        ("linux", "", ".profile"),
        ("macos", "/bin/bash", ".bash_profile"),
        ("macos", "", ".zshrc"),
    ],
)
def test_the_file_of_a_shell_is_its_own(platform: Platform, shell: str, file: str, tmp_path: Path) -> None:
    here = machine(platform, tmp_path, SHELL=shell)
    assert here.expand({"any": "{shell}"}) == [here.home / file]


def test_a_place_of_a_platform_goes_before_that_of_any(tmp_path: Path) -> None:
    here = machine("linux", tmp_path)
    assert here.expand({"any": "/a", "linux": ("/b", "/c")}) == [tmp_path / "b", tmp_path / "c"]
    assert here.expand({"macos": "/a"}) == []


def test_what_is_there_is_told_from_what_is_not(tmp_path: Path) -> None:
    here = machine("linux", tmp_path)
    for name in ("1.0", "2.0"):
        (here.home / "ext" / f"a-{name}").mkdir(parents=True)
    assert here.there({"any": ("~/ext/a-*", "~/ext/b-*", "~/ext/a-1.0", "~/none")}) == [
        here.home / "ext/a-1.0",
        here.home / "ext/a-2.0",
    ]
    assert here.there({"any": "~/ext/*/file"}) == []


def test_one_place_is_the_first_that_is_there_else_the_first_that_could_be(tmp_path: Path) -> None:
    here = machine("linux", tmp_path)
    places: Places = {"any": ("~/pack_*/in/a", "~/b", "~/c")}
    assert here.place(places) == here.home / "b"
    (here.home / "c").touch()
    assert here.place(places) == here.home / "c"
    (here.home / "pack_1").mkdir()
    assert here.place({"any": ("~/pack_*/in/a", "~/b")}) == here.home / "pack_1/in/a"
    assert here.place({"any": "~/none_*/a"}) is None
    assert here.place({}) is None


@pytest.mark.parametrize("chosen", ["", "..", "a/b", "../a", "a\\b", "*", "a\0"])
def test_what_was_chosen_does_not_lead_out_of_the_folder(chosen: str, tmp_path: Path) -> None:
    here = machine("linux", tmp_path)
    assert here.place({"any": "~/{chosen}.json"}, chosen=chosen) is None
    assert here.place({"any": "~/{chosen}.json"}, chosen="a.b") == here.home / "a.b.json"


def test_folders_that_may_not_be_listed_hold_nothing(tmp_path: Path) -> None:
    here = machine("linux", tmp_path)
    (here.home / "file").touch()
    assert here.there({"any": ("~/file/*", "~/file/a")}) == []


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_commands_are_found_on_the_path_and_where_installers_put_them(tmp_path: Path) -> None:
    here = machine("linux", tmp_path)
    assert here.which("a") is None
    node = executable(here.home / ".nvm/versions/node/v22.1.0/bin/a")
    assert here.which("a") == node
    on_path = executable(tmp_path / "usr/bin/a")
    assert here.which("a") == on_path
    (tmp_path / "usr/bin/b").write_text("no program")
    (tmp_path / "usr/bin/c").mkdir()
    assert here.which("b") is None and here.which("c") is None


def test_commands_of_windows_have_endings(tmp_path: Path) -> None:
    here = machine("windows", tmp_path)
    path = executable(here.home / "AppData/Roaming/npm/a.cmd")
    executable(here.home / "AppData/Roaming/npm/b")
    assert here.which("a") == path
    assert here.which("b") is None


def test_paths_are_shown_without_the_name_of_their_user(tmp_path: Path) -> None:
    here = machine("linux", tmp_path)
    assert here.shown(here.home / ".x/y") == "~/.x/y"
    assert here.shown(here.home) == "~"
    assert here.shown(Path("/etc/x")) == "/etc/x"


@contextmanager
def started(*command: str | Path) -> Iterator[int]:
    """Let a program run that reads until it is ended."""
    program = subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert program.stdout and program.stdout.readline() == b"up\n"
        yield program.pid
    finally:
        program.kill()
        program.communicate()


UP = "import sys\nprint('up', flush=True)\nsys.stdin.read()\n"


def test_programs_are_told_by_the_script_that_an_interpreter_runs(tmp_path: Path) -> None:
    script = tmp_path / "told-program.py"
    script.write_text(UP)
    before = time.time() * 1e6
    with started(sys.executable, "-u", script, "--key", "sk-secret") as pid:
        found = running(frozenset({"told-program"}))
    assert [(each.name, each.pid) for each in found] == [("told-program", pid)]
    assert abs(found[0].started_us - before) < 5e6
    assert "secret" not in repr(found)


def test_programs_are_told_by_their_executable(tmp_path: Path) -> None:
    path = tmp_path / "told-native"
    path.symlink_to("/bin/sh")
    with started(path, "-c", "echo up; read line; :") as pid:
        assert running(frozenset({"told-native"}))[0].pid == pid


def test_what_is_not_known_is_not_kept(tmp_path: Path) -> None:
    script = tmp_path / "other.py"
    script.write_text(UP)
    with (
        started(sys.executable, script, "told-program"),
        started(sys.executable, "-c", UP, "told-program"),
    ):
        assert running(frozenset({"told-program", "-c"})) == ()


def test_processes_of_others_are_not_looked_at(tmp_path: Path) -> None:
    script = tmp_path / "told-other.py"
    script.write_text(UP)
    with started(sys.executable, script):
        assert len(running(frozenset({"told-other"}))) == 1
        assert running(frozenset({"told-other"}), "somebody-else") == ()


def test_this_machine_is_where_the_environment_says(tmp_path: Path) -> None:
    here = this_machine({"HOME": str(tmp_path)}, ())
    assert here.home == tmp_path and here.processes == ()
    assert here.platform in ("linux", "macos", "windows")
    assert this_machine({}, (Process("x", 1, 2),)).home == Path.home()


@pytest.mark.parametrize(
    ("chosen", "name"),
    [
        ("laptop", "laptop"),
        ("Ada's MacBook.local", "Ada-s-MacBook.local"),
        ("-._", "this-machine"),
        ("x" * 99, "x" * 32),
        ("\u96ea", "this-machine"),
    ],
)
def test_a_machine_has_a_name_that_keys_may_have(chosen: str, name: str) -> None:
    assert machine_name(chosen) == name


def test_a_machine_without_a_chosen_name_has_its_own() -> None:
    assert machine_name()
