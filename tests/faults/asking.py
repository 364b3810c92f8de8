"""A small request in each dialect, as bytes, and how its answer ends: well, with an error, or not at all.

No SDK: a test of faults wants to see what came, and SDKs hide it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from rawhttp import Reply, request

__all__ = ["DIALECTS", "Asking"]

DIALECTS = ("chat", "responses", "messages", "gemini", "ollama")
_PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "ollama": "/api/chat",
}


@dataclass(frozen=True)
class Asking:
    """One request of a client of `dialect`."""

    dialect: str
    model: str
    stream: bool
    words: str = "Guten Tag"

    def request(self, key: str) -> bytes:
        """Return its bytes."""
        path = _PATHS.get(self.dialect, "")
        if self.dialect == "gemini":
            verb = "streamGenerateContent?alt=sse" if self.stream else "generateContent"
            path = f"/v1beta/models/{self.model}:{verb}"
        headers = [("anthropic-version", "2023-06-01")] if self.dialect == "messages" else []
        return request("POST", path, body=json.dumps(self._body()).encode(), key=key, headers=headers)

    def text(self, reply: Reply) -> str:
        """Return the text that was answered so far, however the answer ended."""
        return "".join(self._texts(reply))

    def ends_well(self, reply: Reply) -> bool:
        """Whether the answer came to the end that its dialect demands, and nothing in it is an error."""
        if reply.status != 200 or not reply.whole or self.error(reply) is not None:
            return False
        pieces = self._pieces(reply)
        if not self.stream:
            return bool(pieces)
        last = pieces[-1] if pieces else {}
        match self.dialect:
            case "chat":
                return reply.body.endswith(b"data: [DONE]\n\n")
            case "responses":
                return last.get("type") == "response.completed"
            case "messages":
                return last.get("type") == "message_stop"
            case "gemini":
                return b'"finishReason"' in reply.body
            case _:
                return last.get("done") is True

    def error(self, reply: Reply) -> str | None:
        """Return the message of the error that the answer is or ends with, None when there is none."""
        pieces = self._pieces(reply)
        last = pieces[-1] if pieces else {}
        match last:
            case {"error": {"message": str(message)}} | {"error": str(message)}:
                return message
            case {"type": "response.failed", "response": {"error": {"message": str(message)}}}:
                return message
        return None

    # details

    def _body(self) -> dict[str, object]:
        messages = [{"role": "user", "content": self.words}]
        match self.dialect:
            case "gemini":
                return {"contents": [{"role": "user", "parts": [{"text": self.words}]}]}
            case "responses":
                return {"model": self.model, "input": self.words, "stream": self.stream}
            case "messages":
                asked = {"model": self.model, "max_tokens": 100, "stream": self.stream}
                return {**asked, "messages": messages}
            case _:
                return {"model": self.model, "messages": messages, "stream": self.stream}

    def _pieces(self, reply: Reply) -> list[dict[str, object]]:
        """Return the objects that the answer is made of: one, or one an event or a line."""
        if not self.stream or reply.status != 200:
            lines = [reply.body]
        elif self.dialect == "ollama":
            lines = reply.body.split(b"\n")
        else:
            lines = [
                line[5:] for line in reply.body.replace(b"\r", b"").split(b"\n") if line.startswith(b"data:")
            ]
        found = []
        for line in lines:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                found.append(value)
        return found

    def _texts(self, reply: Reply) -> Iterator[str]:
        for piece in self._pieces(reply):
            match piece:
                case {"choices": [{"delta": {"content": str(text)}}]}:
                    yield text
                case {"choices": [{"message": {"content": str(text)}}]}:
                    yield text
                case {"type": "response.output_text.delta", "delta": str(text)}:
                    yield text
                case {"output": list(items)}:
                    for item in items:
                        yield from (part["text"] for part in item.get("content", ()) if "text" in part)
                case {"type": "content_block_delta", "delta": {"text": str(text)}}:
                    yield text
                case {"content": list(blocks)}:
                    yield from (block["text"] for block in blocks if "text" in block)
                case {"candidates": [{"content": {"parts": list(parts)}}]}:
                    yield from (part["text"] for part in parts if "text" in part)
                case {"message": {"content": str(text)}}:
                    yield text
