"""Conversations with tools, written down once and said in every dialect; those of the corpus among them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any  # what is read of a corpus has every shape

import msgspec
import pytest

from house import ROOT

__all__ = ["CORPUS", "MEMBERS", "Call", "Result", "Said", "Turn", "body", "conversations"]

CORPUS = ROOT.parent / "shared" / "corpus"
MEMBERS = {
    "chat": "messages",
    "responses": "input",
    "messages": "messages",
    "gemini": "contents",
    "ollama": "messages",
}


class Said(msgspec.Struct, frozen=True):
    role: str
    text: str


class Call(msgspec.Struct, frozen=True):
    name: str
    arguments: dict[str, object]
    id: str = "call-1"


class Result(msgspec.Struct, frozen=True):
    text: str
    name: str = ""
    id: str = "call-1"
    error: bool = False


Turn = Said | Call | Result


def body(dialect: str, turns: Sequence[Turn], *, spaced: bool = False, ascii_only: bool = False) -> bytes:
    """Return a request that says all this, as clients write JSON."""
    items = [_ITEMS[dialect](turn) for turn in turns]
    whole = {"model": "m", MEMBERS[dialect]: items, "stream": True, "metadata": {"n": 1.50}}
    separators = None if spaced else (",", ":")
    return json.dumps(whole, separators=separators, ensure_ascii=ascii_only).encode()


def conversations(name: str) -> Iterator[list[Turn]]:
    """Return the conversations of a file of the corpus."""
    if not CORPUS.is_dir():
        pytest.fail(f"{CORPUS} is missing: the corpus lies beside the checkout")
    with (CORPUS / f"{name}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            yield list(_turns(told["messages"]))


# Recorded messages have every shape.
def _turns(messages: list[dict[str, Any]]) -> Iterator[Turn]:
    names: dict[str, str] = {}
    for message in messages:
        role, content = message["role"], message.get("content")
        if role == "system":
            continue
        if role == "tool":
            yield Result(str(content), names.get(message["tool_call_id"], ""), message["tool_call_id"])
        elif isinstance(content, str):
            yield Said(role, content)
        for block in content if isinstance(content, list) else ():
            match block:
                case {"type": "text", "text": text}:
                    yield Said(role, text)
                case {"type": "tool_use", "id": id_, "name": name, "input": told}:
                    names[id_] = name
                    yield Call(name, told, id_)
                case {"type": "tool_result", "tool_use_id": id_, "content": text}:
                    said = text if isinstance(text, str) else "\n".join(part.get("text", "") for part in text)
                    yield Result(said, names.get(id_, ""), id_, block.get("is_error") is True)
        for call in message.get("tool_calls") or ():
            names[call["id"]] = call["function"]["name"]
            try:
                told = json.loads(call["function"]["arguments"])
            except ValueError:
                told = {}
            yield Call(call["function"]["name"], told, call["id"])


def _chat(turn: Turn) -> object:
    match turn:
        case Said(role, text):
            return {"role": role, "content": text}
        case Call(name, arguments, id_):
            function = {"name": name, "arguments": json.dumps(arguments)}
            calls = [{"id": id_, "type": "function", "function": function}]
            return {"role": "assistant", "content": None, "tool_calls": calls}
        case Result(text, _, id_):
            return {"role": "tool", "tool_call_id": id_, "content": text}


def _responses(turn: Turn) -> object:
    match turn:
        case Said(role, text):
            return {
                "type": "message",
                "role": role,
                "content": [{"type": f"{_SIDE[role]}_text", "text": text}],
            }
        case Call(name, arguments, id_):
            return {"type": "function_call", "name": name, "arguments": json.dumps(arguments), "call_id": id_}
        case Result(text, _, id_):
            return {"type": "function_call_output", "call_id": id_, "output": text}


def _messages(turn: Turn) -> object:
    match turn:
        case Said(role, text):
            return {"role": role, "content": [{"type": "text", "text": text}]}
        case Call(name, arguments, id_):
            use = {"type": "tool_use", "id": id_, "name": name, "input": arguments}
            return {"role": "assistant", "content": [use]}
        case Result(text, _, id_, error):
            result = {"tool_use_id": id_, "type": "tool_result", "content": text, "is_error": error}
            return {"role": "user", "content": [result]}


def _gemini(turn: Turn) -> object:
    match turn:
        case Said(role, text):
            return {"parts": [{"text": text}], "role": _PARTY[role]}
        case Call(name, arguments, id_):
            return {
                "parts": [{"functionCall": {"id": id_, "name": name, "args": arguments}}],
                "role": "model",
            }
        case Result(text, name, id_, error):
            told = {"error" if error else "output": text}
            return {
                "parts": [{"functionResponse": {"id": id_, "name": name, "response": told}}],
                "role": "user",
            }


def _ollama(turn: Turn) -> object:
    match turn:
        case Said(role, text):
            return {"role": role, "content": text}
        case Call(name, arguments):
            calls = [{"function": {"name": name, "arguments": arguments}}]
            return {"role": "assistant", "content": "", "tool_calls": calls}
        case Result(text, name):
            return {"role": "tool", "content": text, "tool_name": name}


_SIDE = {"user": "input", "assistant": "output"}
_PARTY = {"user": "user", "assistant": "model"}
_ITEMS = {
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
    "gemini": _gemini,
    "ollama": _ollama,
}
