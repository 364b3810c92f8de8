"""Clients that ask for a stream in every way there is: each dialect, its other forms, and the WebSocket.

Bytes only: what is sent, whether all has come, and what an answer said of its error.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, TextMessage

from faults.asking import Asking
from rawhttp import parse_replies, request
from websocket_peer import opening

__all__ = ["CLIENTS", "WORDS", "Client"]

WORDS = "Was ist das Ende? " * 20
"""What is asked: long enough that its estimate is told from that of an answer."""

_ENDED = ("response.completed", "response.incomplete", "response.failed", "error")


class Client(Protocol):
    """One way to ask."""

    @property
    def dialect(self) -> str:
        """Return the dialect that it speaks."""
        ...

    @property
    def only(self) -> str:
        """Return the only provider's dialect whose answers it gets, "" where it gets those of all."""
        ...

    def asking(self, model: str, key: str) -> tuple[bytes, bytes]:
        """Return what opens a conversation, b"" where nothing does, and the request."""
        ...

    def has_all(self, heard: bytes) -> bool:
        """Whether the answer has come to its end."""
        ...

    def error(self, heard: bytes) -> str | None:
        """Return the message of the error that an answer is or ends with, None when there is none."""
        ...


@dataclass(frozen=True)
class _Http:
    """A client that asks over HTTP; with `target`, that and `body` are what it asks."""

    dialect: str
    target: str = ""
    body: Mapping[str, object] | None = None
    only: str = ""

    def asking(self, model: str, key: str) -> tuple[bytes, bytes]:
        if not self.target:
            return b"", Asking(self.dialect, model, True, WORDS).request(key)
        body = dict(self.body or {}) if "{" in self.target else {"model": model, **(self.body or {})}
        target = self.target.replace("{}", model)
        return b"", request("POST", target, body=json.dumps(body).encode(), key=key)

    def has_all(self, heard: bytes) -> bool:
        replies = parse_replies(heard)
        return bool(replies) and replies[0].whole

    def error(self, heard: bytes) -> str | None:
        (reply,) = parse_replies(heard)
        if self.dialect == "gemini" and self.target and reply.status == 200:
            match json.loads(reply.body)[-1]:
                case {"error": {"message": str(message)}}:
                    return message
            return None
        return Asking(self.dialect, "", True).error(reply)


class _Socket:
    """A client of Responses that asks over a WebSocket."""

    dialect = "responses"
    only = ""

    def asking(self, model: str, key: str) -> tuple[bytes, bytes]:
        frames = Connection(ConnectionType.CLIENT)
        said = {"type": "response.create", "model": model, "input": WORDS}
        return opening(key=key), frames.send(TextMessage(json.dumps(said)))

    def has_all(self, heard: bytes) -> bool:
        return any(event.get("type") in _ENDED for event in self._events(heard))

    def error(self, heard: bytes) -> str | None:
        events = self._events(heard)
        match events[-1] if events else {}:
            case {"type": "response.failed", "response": {"error": {"message": str(message)}}}:
                return message
            case {"type": "error", "error": {"message": str(message)}}:
                return message
        return None

    def _events(self, heard: bytes) -> list[dict[str, object]]:
        frames = Connection(ConnectionType.CLIENT)
        frames.receive_data(heard)
        found, text = [], ""
        for event in frames.events():
            if isinstance(event, CloseConnection):
                break
            assert isinstance(event, TextMessage), event
            text += event.data
            if event.message_finished:
                found.append(json.loads(text))
                text = ""
        return found


_CONTENTS = {"contents": [{"role": "user", "parts": [{"text": WORDS}]}]}
_PROMPT = {"prompt": WORDS, "stream": True}

CLIENTS: dict[str, Client] = {
    "chat": _Http("chat"),
    "responses": _Http("responses"),
    "messages": _Http("messages"),
    "gemini": _Http("gemini"),
    "ollama": _Http("ollama"),
    "websocket": _Socket(),
    "gemini-array": _Http("gemini", "/v1beta/models/{}:streamGenerateContent", _CONTENTS),
    "completions": _Http("chat", "/v1/completions", _PROMPT, only="chat"),
    "generate": _Http("ollama", "/api/generate", _PROMPT),
}
