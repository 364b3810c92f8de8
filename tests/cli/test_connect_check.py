"""One question to an application, and what came of it."""

import sys
from pathlib import Path

import msgspec
import pytest

from clients.homes import empty_home
from gateway_process import GatewayProcess
from llm_gateway.cli import connect_check
from llm_gateway.cli.connect_check import check
from llm_gateway.cli.context import Context
from llm_gateway.clients.catalog import Client, File, Way
from llm_gateway.clients.connect import Wish, Words
from llm_gateway.clients.machine import Machine
from terminal import Terminal

_SENDS = """#!{python}
import os, sys, urllib.request
assert os.listdir() == [] and sys.stdin.read() == "" and sys.argv[1:] == ["-m", "demo/echo"]
body = b'{{"model": "demo/echo", "messages": [{{"role": "user", "content": "hi"}}]}}'
headers = {{"authorization": "Bearer " + os.environ["KEY"], "content-type": "application/json",
    "x-llm-gateway-client": "asked"}}
request = urllib.request.Request(os.environ["BASE"] + "/v1/chat/completions", body, headers)
urllib.request.urlopen(request).read()
"""


def wish(*, files: bool = False, headless: tuple[str, ...] = ("asked", "-m", "{model}")) -> Wish:
    file = File({"any": "~/none"}, "json", ())
    way = Way((file,) if files else (), {"BASE": "{base}", "KEY": "{key}"})
    return Wish(Client("asked", "Asked", "nobody", ways={"key": way}, headless=headless), "key")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = empty_home("linux", tmp_path)
    command(machine, _SENDS.format(python=sys.executable))
    return machine


def command(machine: Machine, text: str) -> None:
    path = machine.root / "usr" / "bin" / "asked"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def words(gateway: GatewayProcess) -> Words:
    return Words(gateway.url, gateway.key, "asked", "demo/echo")


def test_its_request_is_found(terminal: Terminal, gateway: GatewayProcess, machine: Machine) -> None:
    api = Context({}, terminal.environ).api()
    checked = check(api, wish(), words(gateway), machine, wanted=True)
    assert checked is not None and checked.captured
    assert gateway.row(checked.request_id)["client"] == "asked" and "ended with" not in checked.found


def test_a_turn_that_failed_has_come_through_and_is_told(
    terminal: Terminal, gateway: GatewayProcess, machine: Machine
) -> None:
    api = Context({}, terminal.environ).api()
    command(machine, _SENDS.format(python=sys.executable).replace("demo/echo", "no/such-model"))
    checked = check(
        api, wish(headless=("asked", "-m", "no/such-model")), words(gateway), machine, wanted=True
    )
    assert checked is not None and checked.captured
    assert "that turn ended with error: `llm-gateway requests show" in checked.found


def test_variables_for_a_shell_and_for_the_question_are_given(
    terminal: Terminal, gateway: GatewayProcess, machine: Machine
) -> None:
    api = Context({}, terminal.environ).api()
    shell = File({"any": "~/.profile"}, "shell", ())
    row = wish().row
    asked = msgspec.structs.replace(
        row,
        ways={"key": msgspec.structs.replace(row.ways["key"], files=(shell,))},
        headless_env={"TRUSTED": "yes"},
    )
    command(
        machine,
        _SENDS.format(python=sys.executable).replace("body =", "assert os.environ['TRUSTED']\nbody ="),
    )
    checked = check(api, Wish(asked, "key"), words(gateway), machine, wanted=None)
    assert checked is not None and checked.captured


def test_one_that_sends_nothing_is_told(
    terminal: Terminal, gateway: GatewayProcess, machine: Machine
) -> None:
    api = Context({}, terminal.environ).api()
    for text, how in (
        ("#!/bin/sh\nexit 4\n", "ended with exit code 4"),
        ("#!/no/such\n", "could not be started"),
    ):
        command(machine, text)
        checked = check(api, wish(files=True), words(gateway), machine, wanted=None)
        assert checked is not None and not checked.captured and how in checked.found
        assert "llm-gateway clients --client asked" in checked.hint


def test_nobody_is_asked_where_that_is_not_wanted_or_cannot_be(
    terminal: Terminal, gateway: GatewayProcess, machine: Machine
) -> None:
    api, said = Context({}, terminal.environ).api(), words(gateway)
    assert check(api, wish(files=True), said, machine, wanted=False) is None
    assert check(api, wish(), said, machine, wanted=None) is None
    assert check(None, wish(files=True), said, machine, wanted=None) is None
    missing = wish(files=True, headless=("no-such-command",))
    assert check(api, missing, said, machine, wanted=None) is None
    for asked, why in (
        (check(None, wish(), said, machine, wanted=True), "no gateway runs"),
        (check(api, missing, said, machine, wanted=True), "no command of Asked is here"),
    ):
        assert asked is not None and not asked.captured and why in asked.found


def test_one_that_does_not_end_is_ended_with_all_that_it_started(machine: Machine, tmp_path: Path) -> None:
    command(machine, f"#!/bin/sh\nsleep 60 & echo $! > {tmp_path}/pid\nwait\n")
    told = connect_check.ask([str(machine.root / "usr/bin/asked")], {"PATH": "/usr/bin:/bin"}, patience=0.5)
    assert told == "did not end within 0.5 s"
    state = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"
