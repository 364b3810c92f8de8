"""Requests that no dialect knows, sent through the pipeline to a scripted upstream."""

import json

from fakes import FakeIncoming
from llm_gateway.dialects.chat import CHAT
from llm_gateway.pipeline.forwarding import Forwarding, Onward, forward
from pipeline_stage import Stage
from scripted import Received, Script, Send
from scripted.wording import response

__all__ = ["DIALECTS", "SPEECH", "answering", "error", "received", "say"]

SPEECH = json.dumps({"model": "first/tts-1", "input": "Guten Tag", "x": [1.50, "é"]}).encode()
DIALECTS = ("chat", "responses", "messages")


async def say(
    stage: Stage,
    path: str,
    body: bytes = b"",
    *headers: tuple[bytes, bytes],
    method: bytes = b"POST",
    default: str = "",
) -> FakeIncoming:
    """Send a request and return what the client heard."""
    incoming = stage.incoming(body, *headers)
    incoming.method = method
    path, _, query = path.partition("?")
    await forward(incoming, Forwarding(stage.gateway, default), CHAT, Onward(path, query, DIALECTS))
    assert incoming.done
    return incoming


def answering(data: bytes, content_type: str = "application/json", status: int = 200) -> Script:
    return (Send(response(status, data, (("x-request-id", "req_up"),), content_type=content_type)),)


def error(incoming: FakeIncoming) -> dict[str, object]:
    told: dict[str, object] = json.loads(incoming.sent)["error"]
    return told


def received(stage: Stage) -> Received:
    (request,) = stage.scripted.requests
    return request
