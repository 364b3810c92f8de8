"""Requests of the `ollama` dialect read into the common model: a chat, or a prompt to generate from.

What belongs to the engine rather than to the conversation (how long a model stays loaded, the size of its
context, how it is spread over processors) has no counterpart elsewhere and is reported as lost.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Part, Text
from llm_gateway.canonical.request import (
    Decoded,
    Effort,
    Format,
    FunctionTool,
    Message,
    Reasoning,
    Request,
    Sampling,
)
from llm_gateway.dialects.contract import Call
from llm_gateway.dialects.ollama.decode_messages import read_images, read_messages
from llm_gateway.dialects.ollama.members import (
    UNREADABLE,
    Members,
    flag,
    items,
    lose,
    lose_unknown,
    members,
    number,
    says_nothing,
    text,
    texts,
    whole,
    wrong,
)
from llm_gateway.errors import MalformedRequest

__all__ = ["decode_request", "lose_engine"]

_ROUTED = frozenset(("model", "stream"))  # read by the call already
_SHARED = _ROUTED | {
    "format",
    "options",
    "think",
    "logprobs",
    "top_logprobs",
    "truncate",
    "shift",
    "keep_alive",
}
_CHAT = _SHARED | {"messages", "tools"}
_GENERATE = _SHARED | {"prompt", "system", "suffix", "template", "context", "raw", "images"}
_TOOL = frozenset(("type", "function"))
_FUNCTION = frozenset(("name", "description", "parameters", "strict"))
_OPTIONS = frozenset(
    (
        "num_predict",
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "stop",
    )
)
_LEVELS: Mapping[str, Effort] = {"low": "low", "medium": "medium", "high": "high", "max": "max"}
_OF_THE_ENGINE = "a setting of Ollama's engine"
_UNASKED = "answers of other dialects are asked for without it"

_text = msgspec.json.Decoder(str)


def decode_request(call: Call) -> Decoded:
    """Read a request; raise MalformedRequest with the field at fault."""
    losses = Losses()
    fields = call.document.fields
    if call.operation == "generate":
        lose_unknown(fields, _GENERATE, "", losses)
        messages = _prompted(fields, losses)
    else:
        lose_unknown(fields, _CHAT, "", losses)
        messages = read_messages(fields.get("messages"), losses)
    if not messages:
        what = "prompt" if call.operation == "generate" else "messages"
        raise MalformedRequest(
            f"`{what}` is missing or empty: only a model of an Ollama server can be loaded ahead", param=what
        )
    lose_engine(fields, losses)
    for name in ("logprobs", "top_logprobs"):
        if not says_nothing(fields.get(name)):
            losses.add(name, _UNASKED)
    if flag(fields.get("shift"), "shift"):
        losses.add("shift", "elsewhere an answer ends where the context does")
    request = Request(
        messages=messages,
        tools=() if call.operation == "generate" else _tools(fields.get("tools"), losses),
        sampling=_sampling(members(fields.get("options"), "options"), losses),
        reasoning=_reasoning(fields.get("think")),
        format=_format(fields.get("format")),
        stream=call.stream,
    )
    return Decoded(request, losses.found())


def lose_engine(fields: Members, losses: Losses) -> None:
    """Report what is said to the engine: how long a model stays loaded, and that too long a text is cut."""
    if "keep_alive" in fields and bytes(fields["keep_alive"]) != b"null":
        losses.add("keep_alive", "how long a model stays loaded is for its provider to decide")
    # Without it Ollama cuts, too; but then nobody asked for it, and elsewhere what is too long is refused.
    if flag(fields.get("truncate"), "truncate"):
        losses.add("truncate", "elsewhere what is too long is refused, not cut")


def _prompted(fields: Members, losses: Losses) -> tuple[Message, ...]:
    """Return the conversation that a prompt stands for, as Ollama builds it."""
    for name, why in (
        ("suffix", "there is nothing like filling in a gap"),
        ("template", "how a prompt is laid out is the provider's matter"),
        ("context", "tokens of an earlier answer, which only the model that made them can read"),
        ("raw", "how a prompt is laid out is the provider's matter"),
    ):
        if not says_nothing(fields.get(name)):
            losses.add(name, why)
    prompt = text(fields.get("prompt"), "prompt")
    if not prompt:
        return ()
    said = Message("user", (*read_images(fields.get("images"), "images"), Text(prompt)))
    system = text(fields.get("system"), "system")
    told: tuple[Part, ...] = (Text(system),)
    return (Message("system", told), said) if system else (said,)


def _tools(raw: Raw | None, losses: Losses) -> tuple[FunctionTool, ...]:
    tools: list[FunctionTool] = []
    for index, item in enumerate(items(raw, "tools")):
        where = f"tools[{index}]"
        tool = members(item, where)
        lose_unknown(tool, _TOOL, "tools.", losses)
        kind = text(tool.get("type"), f"{where}.type") or "function"
        if kind != "function":
            lose(losses, "tools.", kind, "a tool of the provider's own, which another one does not have")
            continue
        function = members(tool.get("function"), f"{where}.function")
        lose_unknown(function, _FUNCTION, "tools.function.", losses)
        name = text(function.get("name"), f"{where}.function.name")
        if not name:
            raise wrong(f"{where}.function.name", "the name of a tool")
        parameters = function.get("parameters")
        members(parameters, f"{where}.function.parameters")
        tools.append(
            FunctionTool(
                name,
                text(function.get("description"), f"{where}.function.description"),
                None if says_nothing(parameters) else parameters,
                flag(function.get("strict"), f"{where}.function.strict"),
            )
        )
    return tuple(tools)


def _sampling(options: Members, losses: Losses) -> Sampling:
    for key, raw in options.items():
        if key not in _OPTIONS and bytes(raw) != b"null":
            lose(losses, "options.", key, _OF_THE_ENGINE)
    limit = whole(options.get("num_predict"), "options.num_predict")
    if limit is not None and limit < 0:
        if limit != -1:  # which is without a limit, as if nothing were said
            losses.add("options.num_predict", "there is no way to ask for what fits the context")
        limit = None
    seed = whole(options.get("seed"), "options.seed")
    return Sampling(
        max_tokens=limit,
        temperature=number(options.get("temperature"), "options.temperature"),
        top_p=number(options.get("top_p"), "options.top_p"),
        top_k=whole(options.get("top_k"), "options.top_k"),
        seed=None if seed == -1 else seed,  # -1 is by chance, as if nothing were said
        presence_penalty=number(options.get("presence_penalty"), "options.presence_penalty"),
        frequency_penalty=number(options.get("frequency_penalty"), "options.frequency_penalty"),
        stop=_stop(options.get("stop")),
    )


def _stop(raw: Raw | None) -> tuple[str, ...]:
    """Return what ends an answer. Ollama takes a list; one text alone cannot mean anything else."""
    if raw is not None and bytes(raw).startswith(b'"'):
        return (text(raw, "options.stop"),)
    return tuple(texts(raw, "options.stop"))


def _reasoning(raw: Raw | None) -> Reasoning | None:
    """Read `think`. What a model thinks is shown here whenever it thinks."""
    if raw is None or bytes(raw) == b"null":
        return None
    told = bytes(raw)
    if told == b"true":
        return Reasoning(shown=True)
    if told == b"false":
        return Reasoning(effort="none")
    try:
        effort = _LEVELS.get(_text.decode(raw))
    except UNREADABLE:
        effort = None
    if effort is None:
        raise wrong("think", "true, false, low, medium, high or max")
    return Reasoning(effort, shown=True)


def _format(raw: Raw | None) -> Format | None:
    if says_nothing(raw):
        return None
    assert raw is not None
    if bytes(raw).startswith(b'"'):
        if text(raw, "format") != "json":
            raise wrong("format", "`json` or a JSON schema")
        return Format("json")
    members(raw, "format")
    return Format("schema", schema=raw)
