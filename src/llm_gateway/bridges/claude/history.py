"""A conversation as the program takes it: a system prompt, what was said before, and the prompt.

What was said before goes in as the file of a session to resume, read once and never written by the program,
or else as one tagged text: nobody promises the format of those files, so that `bridge.py` falls back when
the program does not know it any more. Interleaved messages on stdin are no way: it puts them out of order.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from llm_gateway.bridges.claude.tools import PREFIX, written_name
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Part, Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import Message, Request
from llm_gateway.dialects.messages.families import Family
from llm_gateway.dialects.messages.members import Json
from llm_gateway.dialects.messages.write_messages import write_messages

__all__ = ["Told", "answer_to", "flattened", "normal", "tail", "tell", "transcript"]

_encode = msgspec.json.encode
_any_json = msgspec.json.Decoder()


class Told(msgspec.Struct, frozen=True):
    """A conversation. `prompt` is None when `before` ends with results of tools, and what follows them."""

    system: str
    before: tuple[Json, ...]
    prompt: Sequence[Json] | None
    called: bool
    """Whether tools were called in it."""

    @property
    def all(self) -> tuple[Json, ...]:
        """Return all messages."""
        return self.before if self.prompt is None else (*self.before, _said("user", self.prompt))


def tell(request: Request, losses: Losses) -> Told:
    """Return the conversation of a request in the messages of the program's API."""
    written = write_messages(request.messages, Family(), losses)
    system = "\n\n".join([str(block["text"]) for block in written.system])
    messages = [_said(str(each["role"]), _renamed(each["content"])) for each in written.messages]
    *before, last = messages
    blocks = last["content"]
    assert isinstance(blocks, list)
    results = [block for block in blocks if block["type"] == "tool_result"]
    if not results:
        return Told(system, tuple(before), blocks, bool(written.called))
    # Apart from the results, so that the program takes what follows for the prompt to go on with.
    rest = blocks[len(results) :]
    ends = [_said("user", results), *([_said("user", rest)] if rest else [])]
    return Told(system, (*before, *ends), None, called=True)


def _said(role: str, content: Sequence[Json]) -> Json:
    return {"role": role, "content": content}


def _renamed(content: object) -> list[Json]:
    """Return blocks in which calls have the names by which the model knows its tools."""
    assert isinstance(content, list)
    return [
        {**block, "name": written_name(str(block["name"]), Losses())}
        if block["type"] == "tool_use"
        else block
        for block in content
    ]


def transcript(messages: Iterable[Json], session: str, version: str, now_us: int) -> bytes:
    """Return a stored session of these messages, as the program of this version writes it."""
    parent, lines = None, []
    at = datetime.fromtimestamp(now_us / 1_000_000, UTC).isoformat(timespec="milliseconds")
    for message in messages:
        entry = str(uuid.uuid4())
        role = message["role"]
        told = message if role == "user" else {**_ANSWER, "id": f"msg_{entry.replace('-', '')}", **message}
        lines.append(
            {
                "type": role,
                "uuid": entry,
                "parentUuid": parent,
                "sessionId": session,
                "isSidechain": False,
                "userType": "external",
                "cwd": "/",
                "version": version,
                "timestamp": at.replace("+00:00", "Z"),
                "message": told,
            }
        )
        parent = entry
    return b"".join([_encode(line) + b"\n" for line in lines])


_ANSWER: Json = {
    "type": "message",
    "model": "claude",
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 0, "output_tokens": 0},
}


def flattened(told: Told) -> Sequence[Json]:
    """Return a conversation as one prompt: texts between tags, pictures and files at their place."""
    blocks: list[Json] = [_text("<conversation>")]
    *before, last = told.all
    for message in before:
        blocks += _tagged(message)
    content = last["content"]
    assert isinstance(content, list)
    if any(block["type"] == "tool_result" for block in content):
        return _joined([*blocks, *_tagged(last), _text("</conversation>\nGo on with the conversation.")])
    return _joined([*blocks, _text("</conversation>"), *content])


def _tagged(message: Json) -> list[Json]:
    role, content = message["role"], message["content"]
    assert isinstance(content, list)
    told: list[Json] = [_text(f"<{role}>")]
    for block in content:
        match block:
            case {"type": "tool_use", "name": name, "input": arguments}:
                name = str(name).removeprefix(PREFIX)
                told.append(_text(f'<call tool="{name}">{_encode(arguments).decode()}</call>'))
            case {"type": "tool_result", **rest}:
                inner = rest.get("content", ())
                told += [_text("<result>"), *([_text(inner)] if isinstance(inner, str) else _blocks(inner))]
                told.append(_text("</result>"))
            case {"type": "thinking" | "redacted_thinking"}:
                pass  # nothing that one model thought can be said to another in words
            case _:
                told.append(block)
    return [*told, _text(f"</{role}>")]


def _blocks(content: object) -> Sequence[Json]:
    return content if isinstance(content, list) else ()


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _joined(blocks: Iterable[Json]) -> list[Json]:
    """Return blocks in which texts that follow each other are one."""
    told: list[Json] = []
    for block in blocks:
        if told and block["type"] == "text" == told[-1]["type"]:
            told[-1] = _text(f"{told[-1]['text']}\n{block['text']}")
        else:
            told.append(block)
    return told


def tail(messages: Sequence[Message]) -> int:
    """Return where what is new begins: after the last answer."""
    return max((at + 1 for at, each in enumerate(messages) if each.role == "assistant"), default=0)


def normal(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Return messages as they are told apart: clients send an answer back without what only we said of it."""
    return tuple(
        answer_to(each.parts) if each.role == "assistant" else each for each in messages if each.parts
    )


def answer_to(parts: Iterable[Part]) -> Message:
    """Return an answer as it is told apart: its text without space around it, and its calls."""
    text = ""
    calls: list[Part] = []
    for part in parts:
        match part:
            case Text(said):
                text += said
            case ToolCall():
                calls.append(ToolCall(part.id, part.name, _plain(part.arguments), part.custom))
            case Thinking() | ToolResult():
                pass
            case _:
                calls.append(part)
    return Message("assistant", (Text(text.strip()), *calls))


def _plain(arguments: str) -> str:
    """Return arguments without the ways in which JSON can be written differently."""
    try:
        return _encode(_any_json.decode(arguments), order="deterministic").decode()
    except (msgspec.DecodeError, UnicodeEncodeError):
        return arguments
