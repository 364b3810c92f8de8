"""`make run`: a gateway in the foreground that has answered one real request, and says so.

What it shows is what happened: the answer comes from the model that runs on this machine, through the
gateway's door, and its row is read back from the ledger by `llm-gateway smoke`.
"""

from __future__ import annotations

import itertools
import json
import signal
import socket
import subprocess
import sys
import threading
from types import FrameType
from typing import IO

from environment import Environment, say

__all__ = ["start"]

MODEL = "local/smollm2"
_PORT = 8787
_READY_S = 60.0
_STOP_S = 40.0  # the gateway lets running answers end for 30
# Options of `up` that say which gateway is meant; the commands after it need them, too.
_WHICH = ("--home", "--config")

_WORDS = """
{mark} The gateway runs at {url} and {model} has answered through it.

  Ask again, with the key that the first start showed (or `{program} keys create me`):

    curl {url}/v1/chat/completions -H "Authorization: Bearer $LLM_GATEWAY_KEY" \\
      -H "Content-Type: application/json" \\
      -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello!"}}]}}'

  What it is doing:   {program} status
  What was answered:  {program} requests
  For the OpenAI SDK: base_url="{url}/v1"

  Ctrl-C stops it."""


def start(environment: Environment, arguments: list[str]) -> int:
    """Start the gateway, ask it once, and stay with it; return its exit code."""
    program = environment.program("llm-gateway")
    taken = _taken(arguments)
    if taken:
        say(f"error: {taken}")
        return 1
    gateway = subprocess.Popen([program, "up", "--json", *arguments], stdout=subprocess.PIPE, process_group=0)
    asked_to_stop = _pass_on_signals(gateway)
    url = _wait_until_ready(gateway)
    if url:
        _ask(program, _which(arguments), url, asked_to_stop)
        code = gateway.wait()
    else:
        code = _end(gateway)
        if not asked_to_stop:
            say("error: the gateway did not start; it says above why.")
            return code or 1
    say("The gateway has stopped.")
    return 0 if asked_to_stop and code == -signal.SIGTERM else code


def _ask(program: str, which: list[str], url: str, asked_to_stop: list[int]) -> None:
    """Have the model answer one request, and say how it went."""
    failed = subprocess.call([program, *which, "smoke", MODEL])
    if asked_to_stop:
        return
    if failed:
        say(f"\nThe gateway runs at {url}, but {MODEL} did not answer; it says above why. Ctrl-C stops it.")
        return
    shown = " ".join([".venv/bin/llm-gateway", *which])
    say(_WORDS.format(mark="==>", url=url, model=MODEL, program=shown))


def _taken(arguments: list[str]) -> str:
    """Return what is to be said when the port is in use already."""
    asked = _values(arguments, "--port")
    port = int(asked[-1]) if asked and asked[-1].isdigit() else _PORT
    with socket.socket() as probe:
        probe.settimeout(1)
        if port == 0 or probe.connect_ex(("127.0.0.1", port)):
            return ""
    return (
        f"port {port} is taken by another program, perhaps by a gateway that runs already.\n"
        f"hint: stop it, or choose another one: make run ARGS='--port {port + 1}'"
    )


def _wait_until_ready(gateway: subprocess.Popen[bytes]) -> str:
    """Return the gateway's address as soon as it says it; "" when it ends without a word."""
    alarm = threading.Timer(_READY_S, gateway.terminate)
    alarm.daemon = True
    alarm.start()
    assert gateway.stdout is not None
    try:
        for line in gateway.stdout:
            said = _object(line)
            if "url" in said:
                threading.Thread(target=_show, args=(gateway.stdout,), daemon=True).start()
                return str(said["url"])
            sys.stdout.buffer.write(line)
    finally:
        alarm.cancel()
    return ""


def _object(line: bytes) -> dict[str, object]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _show(output: IO[bytes]) -> None:
    """Pass on what the gateway prints later."""
    for line in output:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


def _pass_on_signals(gateway: subprocess.Popen[bytes]) -> list[int]:
    """Let one Ctrl-C end the gateway in order, and a second one at once; return the list of them.

    It is in a process group of its own: the terminal's interrupt reaches only this program.
    """
    asked: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        if gateway.poll() is None:
            gateway.send_signal(signal.SIGKILL if asked else signal.SIGTERM)
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    return asked


def _end(gateway: subprocess.Popen[bytes]) -> int:
    """End a gateway that did not come up."""
    gateway.terminate()
    try:
        return gateway.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        gateway.kill()
        return gateway.wait()


def _which(arguments: list[str]) -> list[str]:
    return [word for option in _WHICH for value in _values(arguments, option) for word in (option, value)]


def _values(arguments: list[str], option: str) -> list[str]:
    """Return what an option was given, in either spelling."""
    after = [value for name, value in itertools.pairwise(arguments) if name == option]
    joined = [word.partition("=")[2] for word in arguments if word.startswith(option + "=")]
    return after + joined
