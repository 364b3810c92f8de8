"""Chat completions of the demo models: the last user message again, or the tool call that it asks for."""

import msgspec

from llm_gateway.engines.demo.reading import Unreadable, Wishes, read
from llm_gateway.engines.demo.wording import DONE, LABEL, Spoken, cut, event, new_id, usage, words

__all__ = ["reply"]

_CALL = "call "


class _Part(msgspec.Struct):
    text: str = ""


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or () if part.text)


class _Function(msgspec.Struct):
    name: str


class _Tool(msgspec.Struct):
    function: _Function | None = None

    @property
    def name(self) -> str:
        return "" if self.function is None else self.function.name


class _Request(Wishes, kw_only=True):
    messages: list[_Message]
    tools: list[_Tool] | None = None
    tool_choice: str | _Tool | None = None
    max_completion_tokens: int | None = None


class _Said(msgspec.Struct, frozen=True):
    """What the answer says: text, or a call of a tool."""

    text: str
    finish: str
    tool: str = ""


_decoder = msgspec.json.Decoder(_Request)
_arguments = msgspec.json.Decoder(dict[str, msgspec.Raw])


def reply(body: bytes, model: str, created: int) -> Spoken:
    """Answer a request; Unreadable says what is wrong with it."""
    request = read(_decoder, body)
    if not request.messages:
        raise Unreadable("`messages` is empty: say something", "messages")
    said = _say(request)
    asked = "".join(message.text for message in request.messages)
    envelope = {"id": new_id("chatcmpl"), "created": created, "model": model, "system_fingerprint": "demo"}
    counts = usage(asked, said.tool + said.text)
    if request.stream:
        return Spoken(events=_stream(said, envelope, counts if request.wants_usage else None))
    choice = {"index": 0, "message": _whole(said), "logprobs": None, "finish_reason": said.finish}
    whole = {**envelope, "object": "chat.completion", "choices": [choice], "usage": counts}
    return Spoken(body=msgspec.json.encode(whole), words=len(words(said.text)))


def _say(request: _Request) -> _Said:
    last = request.messages[-1]
    limit = request.max_completion_tokens if request.max_tokens is None else request.max_tokens
    if last.role == "tool":
        text = f"{LABEL} The tool answered: {last.text}"
    else:
        mine = next((message.text for message in reversed(request.messages) if message.role == "user"), "")
        tool, arguments = _wanted_tool(request, mine)
        if tool:
            return _Said(arguments, "tool_calls", tool)
        text = f"{LABEL} You said: {mine}"
    text, limited = cut(text, limit)
    return _Said(text, "length" if limited else "stop")


def _wanted_tool(request: _Request, mine: str) -> tuple[str, str]:
    """Return the tool to call and its arguments as JSON; no name where none is called for."""
    names = [tool.name for tool in request.tools or () if tool.name]
    if not names or request.tool_choice == "none":
        return "", ""
    if mine.startswith(_CALL):
        name, _, rest = mine.removeprefix(_CALL).strip().partition(" ")
        if name in names:
            return name, _json_object(rest)
    if isinstance(request.tool_choice, _Tool) and request.tool_choice.name in names:
        return request.tool_choice.name, "{}"
    return (names[0], "{}") if request.tool_choice == "required" else ("", "")


def _json_object(text: str) -> str:
    try:
        _arguments.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return "{}"
    return text


def _whole(said: _Said) -> dict[str, object]:
    if not said.tool:
        return {"role": "assistant", "content": said.text, "refusal": None}
    function = {"name": said.tool, "arguments": said.text}
    call = {"id": new_id("call"), "type": "function", "function": function}
    return {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}


def _stream(said: _Said, envelope: dict[str, object], counts: dict[str, int] | None) -> tuple[bytes, ...]:
    """Return the events; with `counts`, every event has a `usage` and the last one holds it."""
    told: dict[str, object] = {} if counts is None else {"usage": None}

    def chunk(delta: dict[str, object], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event({**envelope, "object": "chat.completion.chunk", "choices": [choice], **told})

    events = [chunk({"role": "assistant", "content": None if said.tool else "", "refusal": None})]
    if said.tool:
        opening = {"id": new_id("call"), "type": "function", "function": {"name": said.tool, "arguments": ""}}
        events.append(chunk({"tool_calls": [{"index": 0, **opening}]}))
        events.append(chunk({"tool_calls": [{"index": 0, "function": {"arguments": said.text}}]}))
    else:
        events += [chunk({"content": word}) for word in words(said.text)]
    events.append(chunk({}, said.finish))
    if counts is not None:
        last = {**envelope, "object": "chat.completion.chunk", "choices": [], "usage": counts}
        events.append(event(last))
    return (*events, DONE)
