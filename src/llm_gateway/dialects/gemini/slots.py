"""Where tools speak in a request of the `gemini` dialect: responses of functions, and the arguments of calls.

Not a reader of requests (`contents.py`): what is shaped in any other way than documented has no slots.
Nothing in this dialect marks a prompt for a cache: Google finds what it has of one by itself.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from llm_gateway.canonical.gather import Form, Member, Names, Recall, found_in, gather, nothing_known
from llm_gateway.canonical.slots import Called, Slot, Slots, Told, is_observation, is_string
from llm_gateway.wire.jsonedit import Document

__all__ = ["slots"]

_NOTHING = Raw(b"null")
_TEXT = b'"text"'
_SHELL = "bash"  # that of agents which know no tools
_ERROR = "error"  # the key under which clients of Google's libraries tell one


class _Call(msgspec.Struct, frozen=True, gc=False):
    name: str = ""
    args: Raw = _NOTHING


class _Response(msgspec.Struct, frozen=True, gc=False):
    name: str = ""
    response: Raw = _NOTHING


class _Part(msgspec.Struct, frozen=True, gc=False):
    text: Raw = _NOTHING
    functionCall: _Call | None = None
    functionResponse: _Response | None = None
    function_call: _Call | None = None
    function_response: _Response | None = None


class _Content(msgspec.Struct, frozen=True, gc=False):
    role: str = "user"
    parts: tuple[_Part, ...] = ()


_content = msgspec.json.Decoder(_Content)
_members = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.encode


def slots(document: Document, recall: Recall = nothing_known) -> Slots:
    """Return what tools say in a request, and what they were called with."""
    return gather(document, _FORM, recall)


def _told(raw: bytes, names: Names) -> Told:
    content = _content.decode(raw)
    if content.role == "model":
        calls = [call for part in content.parts if (call := part.functionCall or part.function_call)]
        return Told(raw, tuple(Called(bytes(call.args), call.name) for call in calls), answers=True)
    texts = [literal for part in content.parts if is_string(literal := bytes(part.text))]
    members: list[Member] = []
    for part in content.parts:
        response = part.functionResponse or part.function_response
        if response is not None:
            members += _said(response)
        elif is_string(literal := bytes(part.text)):
            members.append((_TEXT, literal, Slot(literal, _SHELL) if is_observation(literal) else None))
    entries, places = found_in(raw, members)
    return Told(raw, entries, places, opening=tuple(texts))


def _said(response: _Response) -> Sequence[Member]:
    """Return the longest text of a function's response, under the key that the function gave it."""
    if not bytes(response.response).startswith(b"{"):
        return []
    told = {key: bytes(raw) for key, raw in _members.decode(response.response).items()}
    texts = {key: literal for key, literal in told.items() if is_string(literal)}
    chosen = max(texts, key=lambda key: len(texts[key]), default="")
    return [
        (_encode(key), literal, Slot(literal, response.name, key == _ERROR) if key == chosen else None)
        for key, literal in texts.items()
    ]


_FORM = Form("gemini", "contents", _told)
