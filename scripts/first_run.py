"""`make run`: a gateway in the foreground that has answered one real request, and says so.

What it shows is what happened: the answer comes from the model that runs on this machine, through the
gateway's door, and its row is read back from the ledger by `llm-gateway smoke`.
"""

import json
import signal
import subprocess
import sys
import threading
from types import FrameType
from typing import IO

from environment import Environment, say

__all__ = ["start"]

MODEL = "local/smollm2"
_READY_S = 60.0
_STOP_S = 40.0  # the gateway lets running answers end for 30
# Options that say which gateway is meant; every command needs them.
_WHICH = ("--home", "--config")

_WORDS = """
==> The gateway runs at {url} and {model} has answered through it.

  Ask again, with the key that the first start showed (or `{program} keys create me`):

    curl {url}/v1/chat/completions -H "Authorization: Bearer $LLM_GATEWAY_KEY" \\
      -H "Content-Type: application/json" \\
      -d '{{"model": "{model}", "max_tokens": 60, "messages": [{{"role": "user", "content": "Hello!"}}]}}'

  What it is doing:   {program} status
  What was answered:  {program} requests
  For the OpenAI SDK: base_url="{url}/v1"
"""


def start(environment: Environment, arguments: list[str]) -> int:
    """Start the gateway, ask it once, and stay with it; return its exit code."""
    which, options = _split(arguments)
    program = [environment.program("llm-gateway"), *which]
    gateway = subprocess.Popen([*program, "up", "--json", *options], stdout=subprocess.PIPE, process_group=0)
    asked_to_stop = _pass_on_signals(gateway)
    ready = _wait_until_ready(gateway)
    if not ready:
        code = _end(gateway)
        if not asked_to_stop:
            say("The gateway did not start. Its options go like this: make run ARGS='--port 8788'")
            return code or 1
    elif ready.get("already"):
        return _ask(program, str(ready["url"]), asked_to_stop)
    else:
        _ask(program, str(ready["url"]), asked_to_stop)
        if not asked_to_stop:
            say("  Ctrl-C stops it.")
        code = gateway.wait()
    say("The gateway has stopped.")
    return 0 if asked_to_stop and code == -signal.SIGTERM else code


def _ask(program: list[str], url: str, asked_to_stop: list[int]) -> int:
    """Have the model answer one request, say how it went, and return how the asking ended."""
    code = subprocess.call([*program, "smoke", MODEL])
    if code == 0:
        shown = " ".join([".venv/bin/llm-gateway", *program[1:]])
        say(_WORDS.format(url=url, model=MODEL, program=shown))
    elif not asked_to_stop:
        say(f"\nThe gateway runs at {url}, but {MODEL} did not answer; it says above why.")
    return code


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Part the options that say which gateway is meant, which stand before the verb, from those of `up`."""
    which: list[str] = []
    options: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in _WHICH:
            which += [word, next(words, "")]
        elif word.startswith(tuple(f"{option}=" for option in _WHICH)):
            which.append(word)
        else:
            options.append(word)
    return which, options


def _wait_until_ready(gateway: subprocess.Popen[bytes]) -> dict[str, object]:
    """Return what the gateway says when it is ready; nothing when it ends without a word."""
    alarm = threading.Timer(_READY_S, gateway.terminate)
    alarm.daemon = True
    alarm.start()
    assert gateway.stdout is not None
    try:
        for line in gateway.stdout:
            said = _object(line)
            if "url" in said:
                threading.Thread(target=_show, args=(gateway.stdout,), daemon=True).start()
                return said
            sys.stdout.buffer.write(line)
    finally:
        alarm.cancel()
    return {}


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
