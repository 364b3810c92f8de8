"""What a service manager is told: the same service for each of them, in words that they read back."""

import configparser
import json
import plistlib
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest

from llm_gateway.cli.service_units import KINDS, Kind, Service, Unit, kind_of, unit

ODD = Service(
    name="llm-gateway",
    title="LLM Gateway",
    command=("/opt/a b/python", "-m", "llm_gateway", "--home", '/home/x/100% "of" $HOME; #1', "up"),
    path="/usr/bin:/home/x/my tools/bin:/100%",
    home=Path("/home/x/100%"),
    user_home=Path("/home/x"),
    stop_s=60,
    user="DESK\\ada & co",
)
PLAIN = Service("llm-gateway", "LLM Gateway", (sys.executable, "-m", "x"), "/bin", Path("/h"), Path("/u"))


def systemd(service: Service) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit("systemd", service, {}).data.decode())
    return parser


@pytest.mark.parametrize(
    ("platform", "kind"),
    [("linux", "systemd"), ("darwin", "launchd"), ("win32", "windows"), ("freebsd14", "systemd")],
)
def test_each_platform_has_its_own(platform: str, kind: Kind) -> None:
    assert kind_of(platform) == kind


def test_systemd_reads_its_words_back() -> None:
    told = systemd(ODD)["Service"]
    said = told["ExecStart"].replace("%%", "%").replace("$$", "$")
    assert tuple(shlex.split(said)) == ODD.command
    assert shlex.split(told["Environment"].replace("%%", "%")) == [f"PATH={ODD.path}"]
    assert told["EnvironmentFile"] == "-/home/x/100%%/service.env"
    assert told["Restart"] == "on-failure" and told["RestartPreventExitStatus"] == "2 6"
    assert told["TimeoutStopSec"] == "60" and told["UMask"] == "0077"
    assert systemd(ODD)["Install"]["WantedBy"] == "default.target"


@pytest.mark.parametrize("service", [PLAIN, ODD], ids=["plain", "odd"])
def test_systemd_itself_finds_nothing_wrong(service: Service, tmp_path: Path) -> None:
    """Where systemd is installed; its own check needs no system that it runs."""
    analyze = shutil.which("systemd-analyze")
    command = (sys.executable, *service.command[1:])  # that the program exists is checked, too
    written = unit("systemd", msgspec.structs.replace(service, command=command), {})
    file = tmp_path / "llm-gateway.service"
    file.write_bytes(written.data)
    if analyze is not None:
        done = subprocess.run(
            [analyze, "--user", "verify", str(file)],
            check=False,
            env={"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_systemds_file_is_where_the_user_has_configuration() -> None:
    assert unit("systemd", ODD, {}).path == Path("/home/x/.config/systemd/user/llm-gateway.service")
    moved = unit("systemd", ODD, {"XDG_CONFIG_HOME": "/c"})
    assert moved.path == Path("/c/systemd/user/llm-gateway.service")
    assert moved.start[-1] == ("systemctl", "--user", "enable", "--now", "llm-gateway.service")


def test_launchd_reads_its_words_back() -> None:
    written = unit("launchd", ODD, {}, uid=501)
    told = plistlib.loads(written.data)
    assert tuple(told["ProgramArguments"]) == ODD.command
    assert told["EnvironmentVariables"] == {"PATH": ODD.path}
    assert told["RunAtLoad"] is True and told["KeepAlive"] == {"SuccessfulExit": False}
    assert told["StandardErrorPath"] == "/home/x/100%/gateway.log" and told["Umask"] == 0o077
    assert written.path == Path("/home/x/Library/LaunchAgents/llm-gateway.plist")
    assert written.start == (("launchctl", "bootstrap", "gui/501", str(written.path)),)
    assert written.stop == (("launchctl", "bootout", f"gui/501/{told['Label']}"),)


def test_the_task_scheduler_reads_its_words_back() -> None:
    written = unit("windows", ODD, {})
    assert written.data.startswith(b"\xff\xfe"), "schtasks wants UTF-16 with its mark"
    text = written.data.decode("utf-16")
    assert "\r\n" in text and text.startswith('<?xml version="1.0" encoding="UTF-16"?>')
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    task = ET.fromstring(written.data)
    assert [each.tag.partition("}")[2] for each in task] == [
        "RegistrationInfo",
        "Triggers",
        "Principals",
        "Settings",
        "Actions",
    ]
    assert task.findtext(".//t:Exec/t:Command", namespaces=space) == "/opt/a b/python"
    arguments = task.findtext(".//t:Exec/t:Arguments", namespaces=space)
    assert arguments == subprocess.list2cmdline(ODD.command[1:])
    assert task.findtext(".//t:Principal/t:UserId", namespaces=space) == ODD.user
    assert task.findtext(".//t:Principal/t:LogonType", namespaces=space) == "InteractiveToken"
    assert task.findtext(".//t:ExecutionTimeLimit", namespaces=space) == "PT0S"
    anybody = unit("windows", PLAIN, {}).data.decode("utf-16")
    assert "UserId" not in anybody and "\r\n\r\n" not in anybody


def test_pm2_reads_its_words_back() -> None:
    written = unit("pm2", ODD, {})
    text = written.data.decode()
    assert text.startswith("module.exports = ") and text.endswith(";\n") and written.path is None
    (told,) = json.loads(text.removeprefix("module.exports = ").removesuffix(";\n"))["apps"]
    assert (told["script"], *told["args"]) == ODD.command and told["interpreter"] == "none"
    assert told["env"] == {"PATH": ODD.path} and told["kill_timeout"] == 60_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_companion_is_another_service(kind: Kind) -> None:
    companion = Service("llm-gateway-companion", "C", ("p", "companion"), "/bin", Path("/h"), Path("/u"))
    assert _names(unit(kind, companion, {})).isdisjoint(_names(unit(kind, PLAIN, {})))
    assert companion.log != PLAIN.log


def test_a_companion_is_not_told_to_read_its_configuration_anew() -> None:
    assert "ExecReload=" in unit("systemd", PLAIN, {}).data.decode()
    companion = msgspec.structs.replace(PLAIN, reloads=False)
    assert "ExecReload=" not in unit("systemd", companion, {}).data.decode()


def _names(written: Unit) -> set[object]:
    return {written.path or written.data, *written.stop}
