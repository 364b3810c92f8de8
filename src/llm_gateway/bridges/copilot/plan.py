"""What of a request goes where: system text, history, calls that wait for results, the prompt, tools.

Values. What a session cannot be told at all is a BridgeFault here, before a token is spent; what it can be
told in part only is noted as lost.
"""

from collections.abc import Iterable, Sequence

import msgspec

from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.parts import Image, Inline, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import FunctionTool, Message, Request
from llm_gateway.dialects.bridge.stream import Lost

__all__ = ["Plan", "Prompt", "conversation_parts", "picture", "plan_of", "text_of", "thinks"]

_ITSELF = "the Copilot CLI decides that itself"


class Prompt(msgspec.Struct, frozen=True):
    """What the user says: text, and pictures in it."""

    text: str
    images: tuple[Image, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """A turn. `history` is what was said before, system texts left out.

    Either `prompt` is what is asked now, or `results` are what the calls at the end of `history` wait for.
    """

    system: str
    history: tuple[Message, ...]
    prompt: Prompt | None
    results: tuple[ToolResult, ...]
    tools: tuple[FunctionTool, ...]
    losses: tuple[Lost, ...]


def plan_of(request: Request) -> Plan:
    """Return what goes where; BridgeFault for a conversation that the model cannot go on with."""
    losses: list[Lost] = []
    said = tuple(message for message in request.messages if message.role != "system")
    for message in said:
        for part in message.parts:
            _check(part)
    head, tail = _split(said)
    results = tuple(part for part in tail if isinstance(part, ToolResult))
    rest = tuple(part for part in tail if not isinstance(part, ToolResult))
    if not rest and (not results or not _answers(head, results)):
        raise BridgeFault(
            "refused",
            "the conversation ends without anything that the model could answer; its last message has to be "
            "the user's, or the result of a call that the model made",
            param="messages",
        )
    prompt = None
    if rest:
        prompt = Prompt(text_of(rest), tuple(part for part in rest if isinstance(part, Image)))
        head = (*head, Message("user", results)) if results else head
    return Plan(
        _system(request.messages, losses),
        head,
        prompt,
        () if rest else results,
        _tools(request, losses),
        tuple(losses),
    )


def conversation_parts(messages: Sequence[Message]) -> tuple[Sequence[Message], str, tuple[str, ...]] | None:
    """Return what was said before the model's last answer, its text, and the ids of its calls.

    None where the model has not answered yet. A client may send the answer back in other pieces than it got.
    """
    end = len(messages)
    while end and messages[end - 1].role == "user":
        end -= 1
    start = end
    while start and messages[start - 1].role == "assistant":
        start -= 1
    if start == end:
        return None
    answer = [part for message in messages[start:end] for part in message.parts]
    calls = tuple(sorted(part.id for part in answer if isinstance(part, ToolCall)))
    return messages[:start], text_of(answer), calls


def text_of(parts: Iterable[Part]) -> str:
    """Return the text among some parts."""
    return "\n".join(part.text for part in parts if isinstance(part, (Text, Refusal)))


def picture(image: Image) -> Inline:
    """Return a picture's data; BridgeFault when somebody would have to fetch it."""
    if isinstance(image.source, Inline):
        return image.source
    raise BridgeFault(
        "refused",
        "the Copilot CLI takes pictures in the request itself, and this one is only named; send its data",
        param="images",
    )


def _split(said: tuple[Message, ...]) -> tuple[tuple[Message, ...], tuple[Part, ...]]:
    """Return all but what the user says now, and that.

    Results of tools stand together at its beginning, and only the last message is what is asked.
    """
    end = len(said)
    while end and said[end - 1].role == "user":
        end -= 1
    head, tail = list(said[:end]), said[end:]
    results = [part for message in tail for part in message.parts if isinstance(part, ToolResult)]
    spoken = [
        Message("user", rest)
        for message in tail
        if (rest := tuple(part for part in message.parts if not isinstance(part, ToolResult)))
    ]
    if len(spoken) > 1:
        if results:
            head.append(Message("user", tuple(results)))
        return (*head, *spoken[:-1]), spoken[-1].parts
    return tuple(head), (*results, *(spoken[0].parts if spoken else ()))


def _answers(head: tuple[Message, ...], results: tuple[ToolResult, ...]) -> bool:
    """Whether at least one of these is the result of a call that the model made last."""
    parts = conversation_parts(head)
    return parts is not None and any(result.call_id in parts[2] for result in results)


def _check(part: Part) -> None:
    match part:
        case Image():
            picture(part)
        case ToolResult():
            for each in part.parts:
                if isinstance(each, Image):
                    picture(each)
        case _:
            pass


def _system(messages: tuple[Message, ...], losses: list[Lost]) -> str:
    """Return all system texts; those in the middle go to the beginning, where the session has its own."""
    texts: list[str] = []
    spoken = False
    for message in messages:
        if message.role != "system":
            spoken = True
            continue
        if spoken and not any(loss.what == "messages.system" for loss in losses):
            losses.append(Lost("messages.system", "the session has one system text, at its beginning"))
        texts.append(text_of(message.parts))
    return "\n\n".join(filter(None, texts))


def _tools(request: Request, losses: list[Lost]) -> tuple[FunctionTool, ...]:
    """Return the tools that the model may call; that it must call one cannot be said."""
    choice = request.tool_choice
    if choice.mode == "none" or not request.tools:
        return ()
    if choice.mode in ("required", "named"):
        losses.append(Lost("tool_choice", "the model cannot be made to call a tool: " + _ITSELF))
    if choice.parallel is False:
        losses.append(Lost("parallel_tool_calls", _ITSELF))
    tools = tuple(tool for tool in request.tools if isinstance(tool, FunctionTool))
    if any(tool.strict for tool in tools):
        losses.append(Lost("tools.strict", _ITSELF))
    return tuple(tool for tool in tools if not choice.names or tool.name in choice.names)


def thinks(history: Iterable[Message]) -> bool:
    """Whether thinking of the model is among what was said."""
    return any(isinstance(part, Thinking) for message in history for part in message.parts)
