"""The configuration as the command line shows and checks it."""

import json
from pathlib import Path

import pytest

from terminal import Terminal

FILE = """
[server]
port = 9000

[[providers]]
name = "ollama"
base_url = "http://127.0.0.1:11434"
api_key_env = "OLLAMA_API_KEY"

[aliases]
fast = ["ollama/qwen", "demo/echo"]
"""
SECRET = "9f3c1e7a5b2d4860a1b3c5d7e9f02468"


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    file = tmp_path / "gateway.toml"
    file.write_text(FILE)
    environ = {
        "LLM_GATEWAY_CONFIG": str(file),
        "LLM_GATEWAY_DASHBOARD_TOKEN": SECRET,
        "LLM_GATEWAY_LOG__LEVEL": "debug",
    }
    return Terminal(tmp_path / "home", capsys, environ)


def test_every_value_is_shown_with_where_it_comes_from(terminal: Terminal, tmp_path: Path) -> None:
    shown = terminal.ok("config", "show", "--origin").out.splitlines()
    assert "server.port = 9000    # line 3 of gateway.toml" in shown
    assert 'log.level = "debug"    # LLM_GATEWAY_LOG__LEVEL' in shown
    assert 'server.host = "127.0.0.1"    # default' in shown
    assert 'providers.ollama.base_url = "http://127.0.0.1:11434"    # line 7 of gateway.toml' in shown
    assert 'aliases.fast = ["ollama/qwen","demo/echo"]    # line 11 of gateway.toml' in shown
    assert "dashboard_token = ***    # LLM_GATEWAY_DASHBOARD_TOKEN" in shown
    assert "bootstrap_key = not set    # default" in shown
    plain = terminal.ok("config", "show").out
    assert "#" not in plain and SECRET not in plain
    assert plain.splitlines() == [line.partition("    #")[0] for line in shown]


def test_json(terminal: Terminal, tmp_path: Path) -> None:
    told = terminal.json("config", "show")
    assert told["schema"] == "llm-gateway/config/v1"
    assert told["secrets"] == {"bootstrap_key": False, "dashboard_token": True}
    assert (told["home"], told["file"]) == (str(terminal.home), str(tmp_path / "gateway.toml"))
    settings, origins = told["settings"], told["origins"]
    assert isinstance(settings, dict) and isinstance(origins, dict)
    assert settings["server"]["port"] == 9000
    assert origins["server.port"] == "line 3 of gateway.toml"
    assert SECRET not in repr(told)


def test_path_says_where_the_file_is_or_would_be(
    terminal: Terminal, stopped: Terminal, tmp_path: Path
) -> None:
    assert terminal.ok("config", "path").out == f"{tmp_path / 'gateway.toml'}\n"
    told = terminal.json("config", "path")
    assert (told["schema"], told["exists"]) == ("llm-gateway/config-path/v1", True)
    assert stopped.ok("config", "path").out == f"{stopped.home / 'gateway.toml'}\n"
    assert stopped.json("config", "path")["exists"] is False


def test_a_good_file_is_good(terminal: Terminal, stopped: Terminal, tmp_path: Path) -> None:
    assert terminal.ok("config", "check").err == f"{tmp_path / 'gateway.toml'} is good\n"
    assert terminal.ok("config", "check", str(tmp_path / "gateway.toml")).err.endswith(" is good\n")
    assert (
        stopped.ok("config", "check").err
        == f"there is no {stopped.home / 'gateway.toml'}: the defaults count\n"
    )
    told = terminal.json("config", "check")
    assert told == {
        "schema": "llm-gateway/config-check/v1",
        "file": str(tmp_path / "gateway.toml"),
        "problems": [],
        "warnings": [],
    }


def test_everything_that_is_wrong_is_said_at_once(stopped: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text('[server]\nprot = 1\nmax_headers = 1\n\n[[providers]]\nname = "Ollama"\n')
    for arguments in (("check", str(file)), ("check", "--config", str(file))):
        done = stopped("config", *arguments)
        assert (done.code, done.out) == (1, "")
        lines = done.err.splitlines()
        assert len(lines) == 2 and all(line.startswith("error: ") for line in lines)
        assert "server.prot: " in lines[0] and "did you mean port?" in lines[0] and "line 2" in lines[0]
        assert "server.max_headers" in lines[1] and "line 3" in lines[1]
        told = stopped("config", *arguments, "--json")
        problems = json.loads(told.out)["problems"]
        assert told.code == 1 and [f"error: {problem}" for problem in problems] == lines
    assert stopped("config", "check", str(tmp_path / "none.toml")).code == 1


def test_a_misspelt_variable_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(tmp_path / "home", capsys, {"LLM_GATEWAY_CONFGI": "x"})
    done = terminal.ok("config", "check")
    assert "warning: LLM_GATEWAY_CONFGI has no effect; did you mean LLM_GATEWAY_CONFIG?" in done.err
