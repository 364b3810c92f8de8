"""Google's generateContent, as the scripted model hears and speaks it (Gemini API reference)."""

import json

from clients_e2e.speech.turns import (
    CACHED,
    INPUT,
    OUTPUT,
    Call,
    Heard,
    Json,
    Said,
    Speech,
    Tool,
    events,
    joined,
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


def _hear(path: str, body: Json) -> Heard:
    model, _, verb = path.rpartition("/")[2].partition(":")
    parts = [part for said in records(body.get("contents")) for part in records(said.get("parts"))]
    declared = [
        tool for group in records(body.get("tools")) for tool in records(group.get("functionDeclarations"))
    ]
    return Heard(
        model,
        verb.startswith("stream"),
        tuple(_tool(tool) for tool in declared),
        tuple(joined(part["functionResponse"]) for part in parts if "functionResponse" in part),
    )


def _tool(tool: Json) -> Tool:
    schema = tool.get("parametersJsonSchema") or tool.get("parameters")
    return Tool(str(tool["name"]), schema if isinstance(schema, dict) else {})


def _say(heard: Heard, answer: Said | Call) -> Script:
    parts = _parts(answer)
    if not heard.stream:
        return whole(_answer(heard, parts, finished=True))
    bodies = [_answer(heard, [part], finished=part is parts[-1]) for part in parts]
    return events([b"data: %b\r\n\r\n" % json.dumps(body).encode() for body in bodies])


def _parts(answer: Said | Call) -> list[Json]:
    match answer:
        case Said(text):
            return [{"text": piece} for piece in pieces(text)]
        case Call():
            call = {"id": answer.id, "name": answer.tool.name, "args": answer.given}
            return [{"functionCall": call, "thoughtSignature": "c2lnbmVkLWUyZQ=="}]


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


SPEECH = Speech(_hear, _say)
