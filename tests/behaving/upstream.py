"""The model that behaves, as an upstream of each dialect: answers have all that specifications ask for.

What is no question to a model (lists, counts, embeddings, what a vendor refuses) is answered as the usual
scripted upstream does.
"""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence

from behaving.model import Asked, Calling, Saying, answer
from clients_e2e.speech import SPEECHES
from clients_e2e.speech.turns import strings
from scripted import Received, Responder, Script, Send, chat, gemini, messages, ollama, responses
from scripted.wording import response
from upstream_answers import UPSTREAMS

__all__ = ["MODELS", "responders"]

Json = Mapping[str, object]

MODELS = ("gpt-5", "claude-opus-4-5", "gemini-2.5-flash", "m")
_number = itertools.count(1)


def responders() -> tuple[Responder, ...]:
    """Return what answers in each dialect."""
    return tuple(_responder(dialect, *_SPOKEN[dialect]) for dialect in UPSTREAMS)


def _responder(dialect: str, place: str, say: Callable[[Received, Asked], Script]) -> Responder:
    speech, usual = SPEECHES[dialect], UPSTREAMS[dialect].responder

    def respond(request: Received, names: Sequence[str]) -> Script | None:
        script = usual(request, names)
        path = request.target.partition("?")[0]
        if script is None or not path.endswith(place) or _refuses(script):
            return script
        body = request.json()
        tools = speech.hear(path, body).tools
        choice = body.get("tool_choice", body.get("toolConfig"))
        return say(request, Asked(body, tools, choice, _schema(body)))

    return respond


def _refuses(script: Script) -> bool:
    match script:
        case [Send(data), *_]:
            return not data.startswith(b"HTTP/1.1 200 ")
    return False


def _schema(body: Json) -> Json | None:
    """Return what an answer has to be of; {} where it is any JSON."""
    match body:
        case {"response_format": {"json_schema": {"schema": dict(schema)}}}:
            return schema
        case {"text": {"format": {"schema": dict(schema)}}} | {
            "output_config": {"format": {"schema": dict(schema)}}
        }:
            return schema
        case {"generationConfig": {"responseJsonSchema": dict(schema)} | {"responseSchema": dict(schema)}}:
            return schema
        case {"format": dict(schema)}:
            return schema
        case {"response_format": {"type": "json_object"}} | {"text": {"format": {"type": "json_object"}}}:
            return {}
        case {"system": list(system)} if any("JSON object" in words for words in strings(system)):
            return _told("\n".join(strings(system)))
        case {"format": "json"} | {"generationConfig": {"responseMimeType": "application/json"}}:
            return {}
    return None


def _told(words: str) -> Json:
    """Return the schema that a model is told of in words; {} where it is only told to answer in JSON."""
    at = words.find("{")
    return _object_of(json.JSONDecoder().raw_decode(words[at:])[0]) if at >= 0 else {}


def _chat(request: Received, asked: Asked) -> Script:
    said, text, calls = answer(asked), "", []
    match said:
        case Saying(text):
            pass
        case Calling(name, arguments):
            calls = [chat.tool_call(name, arguments, f"call_{next(_number)}")]
    if not asked.body.get("stream"):
        whole = _object(chat.completion(request.model, text, tool_calls=calls))
        for choice in _list(whole["choices"]):
            choice["message"] |= {"annotations": []}
        return _whole(whole)
    match asked.body.get("stream_options"):
        case {"include_usage": True}:
            return chat.stream(chat.events(request.model, _pieces(text), tool_calls=calls))
    return chat.stream(chat.events(request.model, _pieces(text), tool_calls=calls, usage=None))


def _responses(request: Received, asked: Asked) -> Script:
    said = answer(asked)
    output = [responses.reasoning()] if asked.body.get("reasoning") else []
    number = next(_number)
    match said:
        case Saying(text):
            output.append(responses.message(text, f"msg_{number}"))
        case Calling(name, arguments):
            output.append(responses.function_call(name, arguments, f"call_{number}"))
    told = {key: asked.body[key] for key in ("reasoning", "text", "tool_choice") if key in asked.body}
    tools = [
        {"description": None, "parameters": None, "strict": None, **tool}
        for tool in _list(asked.body.get("tools"))
    ]
    told |= {**_OF_A_RESPONSE, "tools": tools}

    def completed(event: dict[str, object]) -> dict[str, object]:
        if event.get("object") == "response":
            return event | told
        inner = event.get("response")
        return {**event, "response": inner | told} if isinstance(inner, dict) else event

    if not asked.body.get("stream"):
        return _whole(completed(responses.completed(request.model, output)))
    return responses.stream([_edited(event, completed) for event in responses.events(request.model, output)])


def _messages(request: Received, asked: Asked) -> Script:
    said, content = answer(asked), []
    match asked.body.get("thinking"):
        case {"type": "enabled" | "adaptive"}:
            content.append(messages.thinking())
    match said:
        case Saying(text):
            content.append({**messages.text(text), "citations": None})
        case Calling(name, arguments):
            content.append(messages.tool_use(name, arguments, f"toolu_{next(_number)}"))
    if asked.body.get("stream"):
        return messages.stream(messages.events(request.model, content))
    whole = _object(messages.message(request.model, content))
    usage = {**_object_of(whole["usage"]), "inference_geo": None, "server_tool_use": None}
    return _whole({**whole, "usage": usage, "stop_details": None, "container": None})


def _gemini(request: Received, asked: Asked) -> Script:
    if not asked.body.get("contents"):
        return (Send(response(400, gemini.error("contents is not specified", 400))),)
    model = request.target.rpartition("/models/")[2].partition(":")[0]
    said, parts = answer(asked), []
    match asked.body.get("generationConfig"):
        case {"thinkingConfig": {"includeThoughts": True}}:
            parts.append(gemini.thought())
    match said:
        case Saying(text):
            parts.append(gemini.text(text))
        case Calling(name, arguments):
            parts.append(gemini.call(name, arguments, f"fc_{next(_number)}"))
    if "streamGenerateContent" not in request.target:
        return gemini.plain(model, parts)
    sse = "alt=sse" in request.target
    return gemini.stream(gemini.events(model, parts) if sse else gemini.array(model, parts), sse=sse)


def _ollama(request: Received, asked: Asked) -> Script:
    said, text, calls = answer(asked), "", []
    match said:
        case Saying(text):
            pass
        case Calling(name, arguments):
            calls = [ollama.tool_call(name, arguments, f"call_{next(_number)}")]
    thought = [ollama.THOUGHT] if asked.body.get("think") else []
    if asked.body.get("stream", True):
        return ollama.stream(ollama.lines(request.model, _pieces(text), thinking=thought, tool_calls=calls))
    return _whole(_object(ollama.answer(request.model, text, thinking="".join(thought), tool_calls=calls)))


_SPOKEN = {
    "chat": ("/chat/completions", _chat),
    "responses": ("/responses", _responses),
    "messages": ("/messages", _messages),
    "gemini": ("enerateContent", _gemini),
    "ollama": ("/api/chat", _ollama),
}
# What a response object has beside the scripted ones' members (openresponses.org, "ResponseResource").
_OF_A_RESPONSE: Json = {
    "completed_at": 1_790_000_001,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "top_logprobs": 0,
    "max_tool_calls": None,
    "service_tier": "default",
    "safety_identifier": None,
    "prompt_cache_key": None,
}


def _pieces(text: str) -> list[str]:
    size = max(1, len(text) // 3)
    return [text[at : at + size] for at in range(0, len(text), size)]


def _whole(body: Json) -> Script:
    return (Send(response(200, json.dumps(body, ensure_ascii=False).encode())),)


def _edited(event: bytes, edit: Callable[[dict[str, object]], dict[str, object]]) -> bytes:
    head, mark, data = event.partition(b"data: ")
    return b"%b%b%b\n\n" % (head, mark, json.dumps(edit(_object(data))).encode())


def _object(data: bytes) -> dict[str, object]:
    return _object_of(json.loads(data))


def _object_of(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def _list(value: object) -> list[dict[str, dict[str, object]]]:
    return value if isinstance(value, list) else []
