"""Tools that take free text, where the other side knows only tools with JSON arguments, and the way back.

OpenAI's `custom` tools (Chat Completions and Responses) become functions with one string, `input`; calls
and results of them follow. What is lost is the grammar that would have constrained the text.
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Raw

from llm_gateway.canonical.events import CallDelta, CallStarted, Event, Measured
from llm_gateway.canonical.parts import ToolCall
from llm_gateway.canonical.request import CustomTool, FunctionTool
from llm_gateway.canonical.response import Response

__all__ = ["CustomCalls", "function_of", "unwrapped", "with_customs", "wrapped"]

_SCHEMA = Raw(
    b'{"type":"object","properties":{"input":{"type":"string","description":'
    b'"The text for the tool, as it is"}},"required":["input"],"additionalProperties":false}'
)


class _Wrapped(msgspec.Struct):
    input: str


_reading = msgspec.json.Decoder(_Wrapped)


def function_of(tool: CustomTool) -> FunctionTool:
    """Return the function that stands for a custom tool; its grammar becomes part of the description."""
    description = tool.description
    if tool.grammar:
        told = f"`input` must match this {tool.syntax} grammar:\n{tool.grammar}"
        description = f"{description}\n\n{told}" if description else told
    return FunctionTool(tool.name, description, _SCHEMA)


def wrapped(call: ToolCall) -> ToolCall:
    """Return a call of a custom tool as a call of the function that stands for it."""
    arguments = msgspec.json.encode(_Wrapped(call.arguments)).decode()
    return msgspec.structs.replace(call, arguments=arguments, custom=False)


def unwrapped(arguments: str) -> str:
    """Return the text in the arguments of such a call; arguments of another form as they are."""
    text = _text_in(arguments)
    return arguments if text is None else text


def _text_in(arguments: str) -> str | None:
    try:
        return _reading.decode(arguments).input
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def with_customs(response: Response, names: frozenset[str]) -> Response:
    """Return the answer with calls of these tools as calls of custom tools."""
    if not names:
        return response
    parts = tuple(
        msgspec.structs.replace(part, arguments=unwrapped(part.arguments), custom=True)
        if isinstance(part, ToolCall) and part.name in names and not part.custom
        else part
        for part in response.parts
    )
    return msgspec.structs.replace(response, parts=parts)


class CustomCalls:
    """The same for a stream: arguments of such a call are held until they are whole.

    That is when another call begins and they can be read, or when something comes that no call goes on
    after. Usage may come in between: some servers tell it with every piece.
    """

    __slots__ = ("_held", "_names")

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._held: dict[int, list[str]] = {}

    def feed(self, event: Event) -> Iterator[Event]:
        """Return the events to pass on for this one."""
        if isinstance(event, CallDelta) and event.index in self._held:
            self._held[event.index].append(event.text)
            return
        if self._held and not isinstance(event, CallDelta | Measured):
            yield from self._released(unread=not isinstance(event, CallStarted))
        if isinstance(event, CallStarted) and event.name in self._names and not event.custom:
            self._held[event.index] = []
            event = msgspec.structs.replace(event, custom=True)
        yield event

    def _released(self, *, unread: bool) -> Iterator[Event]:
        """Return the texts that can be read, and with `unread` the others as they are."""
        for index, texts in list(self._held.items()):
            arguments = "".join(texts)
            text = _text_in(arguments)
            if text is not None or unread:
                del self._held[index]
                yield CallDelta(index, arguments if text is None else text)
