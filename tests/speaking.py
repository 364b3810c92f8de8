"""A client of three dialects that asks over one connection and says what it got: for tests in namespaces.

It blocks, because the sockets of a machine belong to threads that have entered it.
"""

import json
import ssl
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from types import TracebackType
from typing import NamedTuple, Self

__all__ = ["DIALECTS", "Answer", "Speaker"]

DIALECTS = ("chat", "messages", "responses")
_PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
_PATIENCE_S = 30.0


class Answer(NamedTuple):
    """What a client got: `proper` is whether it had its dialect's end, `error` what it was told of it."""

    status: int
    text: str
    proper: bool
    error: Mapping[str, object]
    request_id: str
    seconds: float


class Speaker:
    """A client with a connection of its own, which is kept. Use as a context manager."""

    def __init__(self, host: str, port: int, key: str, trust: ssl.SSLContext | None = None) -> None:
        self._key = key
        self._connection: HTTPConnection = (
            HTTPConnection(host, port, timeout=_PATIENCE_S)
            if trust is None
            else HTTPSConnection(host, port, timeout=_PATIENCE_S, context=trust)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def get(self, path: str, key: str) -> Mapping[str, object]:
        """Return a JSON object that has to be there."""
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        reply = self._connection.getresponse()
        body = reply.read()
        assert reply.status == 200, body
        found = json.loads(body)
        assert isinstance(found, dict)
        return found

    def open(self, dialect: str, model: str, words: str, *, stream: bool) -> HTTPResponse:
        """Ask, and return the answer as it begins."""
        said = [{"role": "user", "content": words}]
        body: dict[str, object] = {"model": model, "stream": stream}
        body |= {"input": words} if dialect == "responses" else {"messages": said}
        body |= {"max_tokens": 1000} if dialect == "messages" else {}
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        self._connection.request("POST", _PATHS[dialect], json.dumps(body), headers)
        return self._connection.getresponse()

    def ask(
        self,
        dialect: str,
        model: str,
        words: str,
        *,
        stream: bool = False,
        came: Callable[[str], object] = lambda text: None,
    ) -> Answer:
        """Ask, and return all of the answer; `came` hears of each piece of a stream."""
        began = time.monotonic()
        reply = self.open(dialect, model, words, stream=stream)
        number = reply.getheader("x-llm-gateway-request-id", "")
        proper = reply.status == 200
        error: Mapping[str, object] = {}
        text = ""
        if proper and stream:
            text, proper, error = _streamed(dialect, reply, came)
        elif proper:
            text = _whole(dialect, json.loads(reply.read()))
        else:
            error = json.loads(reply.read())["error"]
        return Answer(reply.status, text, proper, error, number, time.monotonic() - began)


def _whole(dialect: str, body: Mapping[str, object]) -> str:
    match dialect, body:
        case "chat", {"choices": [{"message": {"content": str(text)}}]}:
            return text
        case "messages", {"content": [{"type": "text", "text": str(text)}]}:
            return text
        case "responses", {"output": [*_, {"type": "message", "content": [{"text": str(text)}]}]}:
            return text
    raise AssertionError(body)


def _streamed(
    dialect: str, reply: HTTPResponse, came: Callable[[str], object]
) -> tuple[str, bool, Mapping[str, object]]:
    pieces: list[str] = []
    proper = False
    error: Mapping[str, object] = {}
    for line in reply:
        if not line.startswith(b"data: "):
            continue
        data = line.removeprefix(b"data: ").strip()
        event = {} if data == b"[DONE]" else json.loads(data)
        match event:
            case {"choices": [{"delta": {"content": str(text)}}]}:
                pieces.append(text)
            case {"type": "content_block_delta", "delta": {"text": str(text)}}:
                pieces.append(text)
            case {"type": "response.output_text.delta", "delta": str(text)}:
                pieces.append(text)
            case {"type": "response.failed", "response": {"error": dict(found)}} | {"error": dict(found)}:
                error = found
                continue
            case {"type": "message_stop" | "response.completed"}:
                proper = True
                continue
            case _:
                proper |= data == b"[DONE]"
                continue
        came(text)
    return "".join(pieces), proper, error
