"""Calls of tools as this dialect has them: with arguments that are an object, and whole or not at all."""

import hashlib

import msgspec
from msgspec import Raw

from llm_gateway.canonical.customs import wrapped
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import ToolCall

__all__ = ["Call", "Function", "arguments_of", "id_of", "write_call"]


class Function(msgspec.Struct, omit_defaults=True):
    """What is called; `index` counts the calls of one answer."""

    name: str
    arguments: Raw
    index: int | None = None


class Call(msgspec.Struct, omit_defaults=True):
    """One call, as a message holds it. Versions before 0.12 have no `id`."""

    function: Function
    id: str = ""


_object = msgspec.json.Decoder(dict[str, Raw])
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.encode


def write_call(call: ToolCall, losses: Losses, prefix: str, index: int | None = None) -> Call:
    """Return a call in this dialect; `prefix` is where losses are found.

    Arguments that are no object are put into one, under `input`, as those of a custom tool are.
    """
    if call.seal is not None:
        losses.add(f"{prefix}signature", "there is no place for what only another model can read")
    arguments = call.arguments
    if call.custom:
        arguments = wrapped(call).arguments
    elif not arguments or arguments.isspace():
        arguments = "{}"
    elif _is_object(arguments):
        if "\n" in arguments or "\r" in arguments:  # a stream is made of lines
            arguments = msgspec.json.format(arguments, indent=-1)
    else:
        losses.add(f"{prefix}arguments", "no JSON object, so put into one")
        arguments = wrapped(call).arguments
    return Call(Function(call.name, Raw(arguments.encode()), index), call.id)


def arguments_of(raw: Raw | None) -> str:
    """Return arguments as JSON text. Those that speak like Ollama may have them as text already.

    DecodeError or UnicodeDecodeError where they are none.
    """
    told = b"" if raw is None else bytes(raw)
    if told in (b"", b"null"):
        return "{}"
    return _text.decode(told) if told.startswith(b'"') else told.decode()


def id_of(name: str, arguments: str, created_at: str, index: int) -> str:
    """Return an id for a call that came without one: the same whenever these bytes are read.

    Ids of a conversation must not repeat: the time of the answer makes the difference between two turns.
    """
    told = _encode((created_at, index, name, arguments))
    return f"call_{hashlib.blake2b(told, digest_size=12).hexdigest()}"


def _is_object(arguments: str) -> bool:
    try:
        _object.decode(arguments)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return True
