"""Google's generateContent, as the scripted model hears and speaks it (Gemini API reference).

The model is of the generation that wants its signatures back ("Thought signatures").
"""

import json
from collections.abc import Iterator

from clients_e2e.speech.turns import (
    CACHED,
    INPUT,
    OUTPUT,
    SEAL,
    Call,
    Heard,
    Json,
    Said,
    Speech,
    Tool,
    events,
    first,
    joined,
    named_well,
    pieces,
    records,
    whole,
)
from scripted.script import Script

__all__ = ["SPEECH"]

_USAGE: Json = {
    "promptTokenCount": INPUT,
    "cachedContentTokenCount": CACHED,
    "candidatesTokenCount": OUTPUT,
    "totalTokenCount": INPUT + OUTPUT,
}
# What the vendor takes instead of a signature that another model never made.
_UNSIGNED = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
# What `parameters` may hold ("Schema"); anything goes in `parametersJsonSchema`.
_SCHEMA = frozenset(
    (
        *("type", "format", "title", "description", "nullable", "enum", "default", "example", "anyOf"),
        *("properties", "propertyOrdering", "required", "minProperties", "maxProperties"),
        *("items", "minItems", "maxItems", "minLength", "maxLength", "pattern", "minimum", "maximum"),
    )
)


def _hear(path: str, body: Json) -> Heard:
    model, _, verb = path.rpartition("/")[2].partition(":")
    turns = list(records(body.get("contents")))
    parts = [part for said in turns for part in records(said.get("parts"))]
    declared = [
        tool for group in records(body.get("tools")) for tool in records(group.get("functionDeclarations"))
    ]
    tools = tuple(_tool(tool) for tool in declared)
    config = body.get("generationConfig")
    thinking = config.get("thinkingConfig") if isinstance(config, dict) else None
    return Heard(
        model,
        verb.startswith("stream"),
        tools,
        tuple(joined(part["functionResponse"]) for part in parts if "functionResponse" in part),
        thinks=isinstance(thinking, dict) and thinking.get("includeThoughts") is True,
        refused=first(_wrong(turns, declared, tools)),
    )


def _tool(tool: Json) -> Tool:
    schema = tool.get("parametersJsonSchema") or tool.get("parameters")
    return Tool(str(tool["name"]), schema if isinstance(schema, dict) else {})


def _wrong(turns: list[Json], declared: list[Json], tools: tuple[Tool, ...]) -> Iterator[str]:
    yield from named_well(tools)
    for tool in declared:
        for key in _foreign(tool.get("parameters")):
            yield f"Unknown name {key!r} at 'tools[0].function_declarations[0].parameters'"
    if not turns or turns[0].get("role") == "model":
        yield "Please ensure that the conversation starts with a user turn."
    calls = 0
    for turn in turns:
        parts = list(records(turn.get("parts")))
        if not parts:
            yield "contents.parts must not be empty."
        answers = [part for part in parts if "functionResponse" in part]
        if len(answers) != calls:
            yield "the number of function response parts must equal that of the function call parts"
        made = [part for part in parts if "functionCall" in part]
        calls = len(made)
        if made and made[0].get("thoughtSignature") not in (SEAL, *_UNSIGNED):
            yield "Function call is missing a thought_signature in functionCall parts."


def _foreign(schema: object) -> Iterator[str]:
    """Return the keys of a schema that this dialect's own kind of schema does not know."""
    if not isinstance(schema, dict):
        return
    yield from (key for key in schema if key not in _SCHEMA)
    properties = schema.get("properties")
    below = list(properties.values()) if isinstance(properties, dict) else []
    options = schema.get("anyOf")
    below += options if isinstance(options, list) else []
    for part in (*below, schema.get("items")):
        yield from _foreign(part)


def _say(heard: Heard, answer: Said | Call) -> Script:
    parts = list(_parts(answer))
    if not heard.stream:
        return whole(_answer(heard, parts, finished=True))
    bodies = [_answer(heard, [part], finished=part is parts[-1]) for part in parts]
    return events([b"data: %b\r\n\r\n" % json.dumps(body).encode() for body in bodies])


def _parts(answer: Said | Call) -> Iterator[Json]:
    if answer.thought:
        yield {"text": answer.thought, "thought": True}
    match answer:
        case Said(text):
            yield from ({"text": piece} for piece in pieces(text))
        case Call():
            call = {"id": answer.id, "name": answer.tool.name, "args": answer.given}
            yield {"functionCall": call, "thoughtSignature": SEAL}


def _answer(heard: Heard, parts: list[Json], *, finished: bool) -> Json:
    candidate: dict[str, object] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finished:
        candidate["finishReason"] = "STOP"
    return {
        "candidates": [candidate],
        "usageMetadata": _USAGE,
        "modelVersion": heard.model,
        "responseId": "e2e-response",
    }


def _refuse(status: int, reason: str) -> Script:
    kind = "INVALID_ARGUMENT" if status == 400 else "PERMISSION_DENIED"
    return whole({"error": {"code": status, "message": reason, "status": kind}}, status)


SPEECH = Speech("gemini-3.1-pro-preview", _hear, _say, _refuse)
