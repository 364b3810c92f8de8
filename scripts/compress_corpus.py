"""Recorded conversations as compression sees them: what tools were called with and said, and all other text.

Reads files of one conversation a line, in OpenAI's chat form or Anthropic's messages form. Which texts of
users are results of tools is told by how two agents without tool calls write them.
"""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

__all__ = ["Call", "Conversation", "Output", "Said", "Step", "conversations"]

_SHELLS = ("Bash", "bash", "None", "")


class Said(NamedTuple):
    """Text that stays as it is; `answer`: the model said it, so everything before was asked."""

    text: str
    answer: bool


class Call(NamedTuple):
    """What a tool was called with: the texts among it by name, and all of it."""

    arguments: dict[str, object]
    text: str


class Output(NamedTuple):
    """What a tool answered, and whether a shell printed it."""

    text: str
    shell: bool


Step: TypeAlias = Said | Call | Output


class Conversation(NamedTuple):
    """A conversation. `half`: 0 for what may be looked at, 1 for what is held out; by its name alone."""

    kind: str
    name: str
    half: int
    steps: list[Step]


def conversations(folder: Path) -> Iterator[Conversation]:
    """Return every conversation of the files in a folder."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            told = json.loads(line)
            name = str(told["id"])
            steps = list(_steps(told))
            yield Conversation(str(told["kind"]), name, zlib.crc32(name.encode()) & 1, steps)


def _steps(told: dict[str, object]) -> Iterator[Step]:
    if tools := told.get("tools"):
        yield Said(json.dumps(tools), False)
    names: dict[str, str] = {}
    messages = told["messages"]
    assert isinstance(messages, list)
    for message in messages:
        role, content = message["role"], message.get("content")
        if isinstance(content, str):
            name = names.get(message.get("tool_call_id"), "")
            yield _output(content, name) if role == "tool" else _text(role, content)
        for block in content if isinstance(content, list) else ():
            yield from _block(role, block, names)
        for call in message.get("tool_calls") or ():
            names[call["id"]] = call["function"]["name"]
            yield _called(call["function"]["arguments"])


def _block(role: str, block: dict[str, object], names: dict[str, str]) -> Iterator[Step]:
    match block:
        case {"type": "text", "text": str(text)}:
            yield _text(role, text)
        case {"type": "tool_use", "id": str(call), "name": str(name), "input": arguments}:
            names[call] = name
            yield _called(json.dumps(arguments, ensure_ascii=False))
        case {"type": "tool_result", "tool_use_id": str(call), "content": content}:
            if isinstance(content, list):
                content = "".join(part.get("text", "") for part in content)
            yield _output(str(content), names.get(call, ""))


def _text(role: str, text: str) -> Step:
    if role == "user" and (text.startswith("<returncode>") or text.endswith("bash-$")):
        return Output(text, True)
    return Said(text, role == "assistant")


def _called(text: str) -> Call:
    try:
        arguments = json.loads(text)
    except ValueError:
        arguments = None
    return Call(arguments if isinstance(arguments, dict) else {}, text)


def _output(text: str, name: str) -> Output:
    return Output(text, name in _SHELLS)
