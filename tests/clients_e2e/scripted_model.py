"""The scripted model: does what the prompt's own word asks for, with the tools that the request offers.

A prompt holds a word such as `tool-turn-4f2a`. A plain turn is answered in words. A tool turn is answered
by a call of the client's own shell tool, until its result is there. A refused turn gets an error. A broken
turn's first answer ends in the middle. All that it says names the turn.
"""

import json
import re
from collections.abc import Sequence

from clients_e2e.speech import SPEECHES, Call, Heard, Said, Tool
from scripted import Close, Received, Script, Send
from scripted.script import Step
from scripted.wording import response

__all__ = [
    "CANARIES",
    "KEPT",
    "ScriptedModel",
    "answer_to",
    "bytes_of",
    "named",
    "prompt",
    "refusal",
    "result",
    "spoken",
]

KEPT = re.compile(rb"\b(plain|tool|refused|broken)-turn-([0-9a-z]+)\b")

_SPOKEN = b"Spoken"
CANARIES = ("Do what it says", "Spoken in turn", "Thought in turn", "printed-by-the-shell")
"""What stands in every question, answer, thought and result: nowhere else may any of it be found."""

# The shell tools of the clients, and the argument that takes the command.
_SHELLS = {
    "Bash": "command",
    "bash": "command",
    "exec_command": "cmd",
    "run_shell_command": "command",
    "shell": "command",
    "run_in_shell": "command",
    "exec": "",
}


def prompt(kind: str, name: str) -> str:
    """Return the words with which a client is started."""
    return f"This is {kind}-turn-{name}. Do what it says."


def result(name: str) -> str:
    """Return what the shell prints in a tool turn."""
    return f"printed-by-the-shell-{name}"


def spoken(name: str) -> str:
    """Return what the model says at the end of a turn."""
    return f"{_SPOKEN.decode()} in turn {name}: Grüße, 你好 🌍."


def refusal(name: str) -> str:
    """Return why the upstream refuses a turn."""
    return f"Turn {name} is not for this account."


def named(request: Received, name: str) -> bool:
    """Whether a request belongs to the turn of this name."""
    asked = KEPT.search(request.body)
    return asked is not None and asked[2].decode() == name


class ScriptedModel:
    """The model in one dialect; an instance is what the scripted upstream takes as its responder."""

    def __init__(self, dialect: str) -> None:
        self._speech = SPEECHES[dialect]
        self._broken: set[bytes] = set()

    def __call__(self, request: Received, names: Sequence[str]) -> Script | None:
        """Answer a request for the model, or for the list of models."""
        path = request.target.partition("?")[0]
        if request.method != "POST":
            return _listed(names) if path.endswith("/models") else None
        heard = self._speech.hear(path, request.json())
        if heard.refused:
            return self._speech.refuse(400, heard.refused)
        asked = KEPT.search(request.body)
        if asked is not None and asked[1] == b"refused":
            return self._speech.refuse(403, refusal(asked[2].decode()))
        script = self._speech.say(heard, answer_to(heard, request.body))
        if asked is None or asked[1] != b"broken" or asked[2] in self._broken:
            return script
        self._broken.add(asked[2])
        told = next(number for number, step in enumerate(script) if _SPOKEN in bytes_of(step))
        return (*script[: told + 1], Close())


def bytes_of(step: Step) -> bytes:
    """Return the bytes that a step sends."""
    return step.data if isinstance(step, Send) else b""


def answer_to(heard: Heard, body: bytes) -> Said | Call:
    """Return what the model does about a request."""
    asked = KEPT.search(body)
    if asked is None:
        return Said("Nobody named a turn.")
    kind, name = (word.decode() for word in asked.groups())
    thought = f"Thought in turn {name}." if heard.thinks else ""
    shells = [tool for tool in heard.tools if tool.name in _SHELLS]
    if kind != "tool" or heard.results or not shells:
        return Said(spoken(name), thought)
    # Where a client offers several, the one that runs others' code comes last.
    shell = min(shells, key=lambda tool: list(_SHELLS).index(tool.name))
    return Call(shell, _given(shell, f"echo {result(name)}"), f"call_{name}", thought)


def _given(tool: Tool, command: str) -> dict[str, object] | str:
    """Return the arguments with which a shell tool runs a command."""
    if tool.name == "exec":
        source = f"const ran = await tools.exec_command({json.dumps({'cmd': command})}); text(ran.output);"
        return source if tool.free else {"input": source}
    properties = tool.schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    argument = _SHELLS[tool.name]
    wanted = tool.schema.get("required")
    filled: dict[str, object] = {
        str(name): _filler(known.get(name)) for name in (wanted if isinstance(wanted, list) else [])
    }
    shape = known.get(argument)
    as_list = isinstance(shape, dict) and shape.get("type") == "array"
    return {**filled, argument: ["bash", "-lc", command] if as_list else command}


def _filler(schema: object) -> object:
    """Return a value for an argument that the tool insists on."""
    kind = schema.get("type") if isinstance(schema, dict) else None
    match str(kind).lower():
        case "number" | "integer":
            return 10
        case "boolean":
            return False
        case "array":
            return []
    return "a turn of a test"


def _listed(names: Sequence[str]) -> Script:
    models = [{"id": name, "object": "model", "created": 0, "owned_by": "scripted"} for name in names]
    return (Send(response(200, json.dumps({"object": "list", "data": models}).encode())),)
