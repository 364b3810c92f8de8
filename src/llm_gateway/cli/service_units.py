"""What a system's own service manager is told: where its file belongs, what is in it, how it is started.

Text and commands as values, for systemd, launchd, Windows' Task Scheduler and PM2; nothing is written or run
here. No secret is ever in one: programs find keys in files (`api_key_file`, `*_FILE`), or systemd in
`service.env`.
"""

import json
import plistlib
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, assert_never
from xml.sax.saxutils import escape

import msgspec

__all__ = ["KINDS", "Kind", "Service", "Unit", "kind_of", "unit"]

Kind = Literal["systemd", "launchd", "windows", "pm2"]
KINDS: tuple[Kind, ...] = ("systemd", "launchd", "windows", "pm2")

_AGAIN_S = 2
_LABEL = "llm-gateway"
# Microsoft's Task Scheduler Schema, version 1.4.
_TASK = """<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.4" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>{title}</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      {user}
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      {user}
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>999</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{program}</Command>
      <Arguments>{arguments}</Arguments>
      <WorkingDirectory>{home}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""


class Service(msgspec.Struct, frozen=True):
    """What is to run in the background. `command` begins with the program; `path` is its search path.

    `name` is that of its files; `home` is the gateway's data folder, where its log is, `user_home` the
    user's; `stop_s` is how long it may take to end, `reloads` whether a SIGHUP has it read its configuration.
    """

    name: str
    title: str
    command: tuple[str, ...]
    path: str
    home: Path
    user_home: Path
    stop_s: int = 60
    user: str = ""
    reloads: bool = True

    @property
    def log(self) -> Path:
        """Return where its messages go, where no journal takes them."""
        return self.home / ("gateway.log" if self.name == _LABEL else f"{self.name}.log")


class Unit(msgspec.Struct, frozen=True):
    """A file for a service manager, what to run after it is written, and before and after it is taken away.

    `later` are hints for people.
    """

    kind: Kind
    path: Path | None
    data: bytes
    start: tuple[tuple[str, ...], ...] = ()
    stop: tuple[tuple[str, ...], ...] = ()
    gone: tuple[tuple[str, ...], ...] = ()
    later: tuple[str, ...] = ()


def kind_of(platform: str) -> Kind:
    """Return the service manager of a platform, as `sys.platform` names it."""
    return {"darwin": "launchd", "win32": "windows"}.get(platform, "systemd")  # type: ignore[return-value]


def unit(kind: Kind, service: Service, environ: Mapping[str, str], uid: int = 0) -> Unit:
    """Return the file of a service for a service manager."""
    match kind:
        case "systemd":
            return _systemd(service, environ)
        case "launchd":
            return _launchd(service, uid)
        case "windows":
            return _windows(service)
        case "pm2":
            return Unit("pm2", None, _pm2(service), later=("pm2 start FILE", "pm2 save"))
        case _ as never:
            assert_never(never)


def _systemd(service: Service, environ: Mapping[str, str]) -> Unit:
    configs = Path(environ.get("XDG_CONFIG_HOME") or service.user_home / ".config")
    name = f"{service.name}.service"
    text = f"""# Written by `llm-gateway service install`; `llm-gateway service uninstall` takes it back.
[Unit]
Description={_quoted_systemd(service.title, bare=True)}

[Service]
Type=exec
ExecStart={" ".join(map(_quoted_command, service.command))}
{"ExecReload=/bin/kill -HUP $MAINPID" if service.reloads else "# it reads its configuration once"}
Environment={_quoted_systemd(f"PATH={service.path}")}
EnvironmentFile=-{_quoted_systemd(str(service.home / "service.env"), bare=True)}
Restart=on-failure
RestartSec={_AGAIN_S}
# used wrongly, refused by policy: another try changes nothing
RestartPreventExitStatus=2 6
TimeoutStopSec={service.stop_s}
UMask=0077
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""
    control = ("systemctl", "--user")
    return Unit(
        "systemd",
        configs / "systemd" / "user" / name,
        text.encode(),
        start=((*control, "daemon-reload"), (*control, "enable", "--now", name)),
        stop=((*control, "disable", "--now", name),),
        gone=((*control, "daemon-reload"),),
        later=(
            f"journalctl --user -u {name} -f     what it says",
            "loginctl enable-linger             it runs before you log in, and after you log out",
        ),
    )


def _launchd(service: Service, uid: int) -> Unit:
    label = service.name
    path = service.user_home / "Library" / "LaunchAgents" / f"{label}.plist"
    told = {
        "Label": label,
        "ProgramArguments": list(service.command),
        "EnvironmentVariables": {"PATH": service.path},
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ExitTimeOut": service.stop_s,
        "Umask": 0o077,
        "StandardOutPath": str(service.log),
        "StandardErrorPath": str(service.log),
    }
    return Unit(
        "launchd",
        path,
        plistlib.dumps(told, sort_keys=False),
        start=(("launchctl", "bootstrap", f"gui/{uid}", str(path)),),
        stop=(("launchctl", "bootout", f"gui/{uid}/{label}"),),
        later=(f"tail -f {service.log}     what it says",),
    )


def _windows(service: Service) -> Unit:
    program, *arguments = service.command
    text = _TASK.format(
        title=escape(service.title),
        user=f"<UserId>{escape(service.user)}</UserId>" if service.user else "",
        program=escape(program),
        arguments=escape(subprocess.list2cmdline(arguments)),
        home=escape(str(service.home)),
    )
    text = "\n".join(line for line in text.splitlines() if line.strip()) + "\n"
    path = service.home / f"{service.name}.task.xml"
    task = ("/TN", service.title)
    return Unit(
        "windows",
        path,
        text.replace("\n", "\r\n").encode("utf-16"),
        start=(("schtasks", "/Create", *task, "/XML", str(path), "/F"), ("schtasks", "/Run", *task)),
        stop=(("schtasks", "/End", *task), ("schtasks", "/Delete", *task, "/F")),
    )


def _pm2(service: Service) -> bytes:
    program, *arguments = service.command
    application = {
        "name": service.name,
        "script": program,
        "args": arguments,
        "interpreter": "none",
        "cwd": str(service.home),
        "env": {"PATH": service.path},
        "autorestart": True,
        "stop_exit_codes": [0, 2, 6],
        "restart_delay": _AGAIN_S * 1000,
        "kill_timeout": service.stop_s * 1000,
        "out_file": str(service.log),
        "error_file": str(service.log),
        "merge_logs": True,
    }
    return f"module.exports = {json.dumps({'apps': [application]}, indent=2)};\n".encode()


def _quoted_command(word: str) -> str:
    """Return a word of ExecStart (systemd.service(5), Command lines): variables are looked for in it, too."""
    return _quoted_systemd(word.replace("$", "$$"))


def _quoted_systemd(text: str, *, bare: bool = False) -> str:
    """Return a text as systemd reads it back (systemd.syntax(7), Quoting; systemd.unit(5), Specifiers)."""
    text = text.replace("%", "%%")
    if bare:
        return text
    for sign in ("\\", '"'):
        text = text.replace(sign, "\\" + sign)
    return f'"{text}"' if not text or any(sign in text for sign in " \t\"'\\;#") or "=" in text else text
