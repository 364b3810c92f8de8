"""How a command ends: one exit code for each way, and messages that name the way out."""

import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from llm_gateway import __version__
from llm_gateway.cli.main import leaves
from terminal import Started, Terminal, program


def test_help_and_version_are_data(stopped: Terminal) -> None:
    assert stopped.ok("--version").out == f"llm-gateway, version {__version__}\n"
    told = stopped.ok("--help").out
    for name, _ in leaves():
        assert f"\n  {name.partition(' ')[0]} " in told
        assert stopped.ok(*name.split(), "-h").out.startswith(f"Usage: llm-gateway {name}")


def test_every_command_says_what_it_is_for() -> None:
    for name, command in leaves():
        assert command.help, name
        for option in command.params:
            assert not isinstance(option, click.Option) or option.hidden or option.help, (name, option.name)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("status", "--nonsense"),
        ("status", "too", "many"),
        ("keys", "create"),
        ("up", "--port", "many"),
        ("requests", "--limit", "0"),
        ("requests", "--since", "yesterday"),
        ("keys", "rotate", "me", "--overlap", "-1"),
    ],
)
def test_a_command_that_is_wrong_is_2(stopped: Terminal, arguments: tuple[str, ...]) -> None:
    done = stopped(*arguments)
    assert done.code == 2
    assert done.out == "" and done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("open",),
        ("models",),
        ("providers",),
        ("explain", "demo/echo"),
        ("smoke",),
        ("down",),
        ("requests", "--follow"),
    ],
)
def test_without_a_gateway_it_is_5(stopped: Terminal, arguments: tuple[str, ...]) -> None:
    done = stopped(*arguments)
    assert (done.code, done.out) == (5, "")
    assert "no gateway runs" in done.err


def test_a_configuration_that_cannot_be_used_is_1(stopped: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text("[server]\nprot = 1\n")
    for arguments in (("status",), ("keys", "list"), ("up",), ("requests",), ("config", "show")):
        done = stopped(*arguments, "--config", str(file))
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("error: ") and "line 2" in done.err and "port" in done.err


def test_what_safety_forbids_is_6(stopped: Terminal) -> None:
    done = stopped("up", "--host", "0.0.0.0", "--port", "0")
    assert done.code == 6
    assert "server.expose = true" in done.err and "hint: docs/exposure.md" in done.err


def test_private_files_that_others_can_read_are_no_crash(stopped: Terminal) -> None:
    stopped.ok("keys", "create", "me")
    (stopped.home / "owner-token").write_text("lgo_x")
    (stopped.home / "owner-token").chmod(0o644)
    done = stopped("status")
    assert done.code == 1
    assert "open to others" in done.err and "Traceback" not in done.err


def test_a_home_that_is_a_file_is_1(stopped: Terminal) -> None:
    stopped.home.write_text("")
    for arguments in (("keys", "list"), ("up", "--detach")):
        done = stopped(*arguments)
        assert done.code == 1
        assert done.err.startswith("error: ") and str(stopped.home) in done.err


def test_a_question_that_nobody_answers_is_130(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('[server]\nhost = "192.0.2.1"\nexpose = true\nallow_from = ["192.0.2.0/24"]\n')
    done = program(tmp_path / "home", "bridges", "expose", "--config", str(file))
    assert done.code == 130
    assert "Is that what you want?" in done.err and "confirmed;" not in done.err


def test_ctrl_c_is_130(gateway: object, terminal: Terminal) -> None:
    with Started(terminal.home, "requests", "--follow", environ=terminal.environ) as following:
        assert following.line().startswith("AT ")
        following.send(signal.SIGINT)
        done = following.end()
    assert done.code == 130
    assert "Traceback" not in done.err


def test_a_reader_that_leaves_is_no_failure(tmp_path: Path) -> None:
    with Started(tmp_path, "config", "show") as showing:
        assert showing.process.stdout is not None and showing.process.stderr is not None
        showing.process.stdout.close()
        assert showing.process.stderr.read() == ""
        assert showing.process.wait(30) == 0


def test_a_verb_loads_no_other_verbs() -> None:
    loaded = """
import click, sys
from llm_gateway.cli.main import cli
cli.get_command(click.Context(cli), "up")
print(*(name for name in sys.modules if name == "yaml" or name.startswith("llm_gateway.cli.")))
"""
    names = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "llm_gateway.cli.up" in names
    assert not {"yaml", "llm_gateway.cli.migration", "llm_gateway.cli.doctor", "llm_gateway.cli.look"} & set(
        names
    )
