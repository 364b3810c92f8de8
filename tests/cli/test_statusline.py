"""The ways to ask for the status line beside the quick one."""

import json
import shlex
import subprocess
from pathlib import Path

from gateway_process import GatewayProcess
from llm_gateway.cli.glance import DOWN
from llm_gateway.cli.statusline import setup_for
from llm_gateway.config import default_home
from terminal import Terminal


def test_it_says_the_line_and_what_it_is_made_of(gateway: GatewayProcess, terminal: Terminal) -> None:
    assert gateway.chat("demo/echo").status == 200
    told = terminal.json("statusline")
    assert told["schema"] == "llm-gateway/statusline/v1"
    assert told["state"] == "ok" and isinstance(told["tokens_today"], int) and told["tokens_today"] > 0
    assert terminal.ok("statusline").out.strip() == told["line"]


def test_a_gateway_that_is_down_is_a_line_too(stopped: Terminal) -> None:
    assert stopped.ok("statusline").out == f"{DOWN}\n"
    assert stopped.json("statusline") == {"schema": "llm-gateway/statusline/v1", "line": DOWN}


def test_the_setup_is_what_claude_code_reads(stopped: Terminal) -> None:
    setup = json.loads(stopped.ok("statusline", "--print-setup").out)
    assert list(setup) == ["statusLine"] and setup["statusLine"]["type"] == "command"
    command = setup["statusLine"]["command"]
    assert shlex.split(command)[-3:] == ["statusline", "--home", str(stopped.home)]
    done = subprocess.run(command, shell=True, check=True, capture_output=True, text=True)
    assert done.stdout == f"{DOWN}\n", "an agent gives it to a shell, as it stands"


def test_the_usual_home_is_not_named() -> None:
    assert "--home" not in setup_for(default_home())
    assert "--home '/a b'" in json.loads(setup_for(Path("/a b")))["statusLine"]["command"]
