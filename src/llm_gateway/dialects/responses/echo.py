"""What a response repeats of its request: clients' libraries expect these members in every response object.

They are kept as JSON text, as the client wrote them, and put into each response object as they are.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

__all__ = ["NOTHING", "echo_of"]

# The members with what OpenAI says where the request said nothing (developers.openai.com, "The response
# object").
_USUAL: Mapping[str, bytes] = {
    "frequency_penalty": b"0.0",
    "instructions": b"null",
    "max_output_tokens": b"null",
    "max_tool_calls": b"null",
    "metadata": b"{}",
    "parallel_tool_calls": b"true",
    "presence_penalty": b"0.0",
    "prompt_cache_key": b"null",
    "reasoning": b'{"effort":null,"summary":null}',
    "safety_identifier": b"null",
    "service_tier": b'"default"',
    "temperature": b"1.0",
    "text": b'{"format":{"type":"text"}}',
    "tool_choice": b'"auto"',
    "tools": b"[]",
    "top_logprobs": b"0",
    "top_p": b"1.0",
    "truncation": b'"disabled"',
    "user": b"null",
}
_ALWAYS = '"background":false'  # nothing is answered later here
# Who keeps answers is no provider of another dialect: they say so by what a request `said`.
_STATE: Mapping[str, Raw] = {"previous_response_id": Raw(b"null"), "store": Raw(b"false")}


def echo_of(fields: Mapping[str, Raw], said: Mapping[str, Raw] = _STATE) -> str:
    """Return the members of a response object that repeat a request, without braces.

    `said` are those that the gateway has dealt with itself.
    """
    told = [_ALWAYS]
    told += (f'"{key}":{bytes(said.get(key, usual)).decode()}' for key, usual in _STATE.items())
    for key, usual in _USUAL.items():
        raw = bytes(fields.get(key, b""))
        value = usual if raw in (b"", b"null", b'"auto"') and key != "tool_choice" else raw or usual
        if key == "tools" and raw:
            value = _filled(raw)
        told.append(f'"{key}":{value.decode()}')
    return ",".join(told)


class _Tool(Struct):
    """What the response object has of a function whether or not the request says it."""

    type: str = ""
    description: Raw = Raw()
    parameters: Raw = Raw()
    strict: Raw = Raw()


_FILLED = _Tool.__struct_fields__[1:]
_list = msgspec.json.Decoder(list[Raw])
_tool = msgspec.json.Decoder(_Tool)


def _filled(tools: bytes) -> bytes:
    """Return tools as they were written, with `null` for what was not said of a function."""
    try:
        each = [bytes(tool) for tool in _list.decode(tools)]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return tools
    filled = [tool[:-1] + unsaid + b"}" if (unsaid := _unsaid(tool)) else tool for tool in each]
    return tools if filled == each else b"[%b]" % b",".join(filled)


def _unsaid(text: bytes) -> bytes:
    """Return the members that a function lacks; none of other tools, whose members are their own."""
    try:
        tool = _tool.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return b""
    if tool.type != "function":
        return b""
    return b"".join(b',"%b":null' % name.encode() for name in _FILLED if not bytes(getattr(tool, name)))


NOTHING = echo_of({})
"""The members for a request of which nothing is known."""
