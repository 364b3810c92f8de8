"""Which answers may be given twice: what no request may hold, what an answer must be, what tells two apart.

Pure functions over one request or one answer. Who wants that at all, and whose answers they are, is not known
here.
"""

import re
from collections.abc import Iterator
from hashlib import sha256

import msgspec
from msgspec import Raw

from llm_gateway.dialects.contract import Asked, Call, Dialect, Seen
from llm_gateway.pipeline.plan import Step
from llm_gateway.pipeline.sender import Sender

__all__ = ["is_good", "name_of", "targeted", "why_not"]

_CONVERSATIONS = ("messages", "input", "contents")
# The parts that hold what a tool gave: by role in OpenAI's chats and Ollama's, by type in Responses and in
# Messages, by the member's name in Gemini's. Inside a text a quote has a backslash, so none of these is text.
_RESULTS = re.compile(
    rb'"role"\s*:\s*"(?:tool|function)"'
    rb'|"type"\s*:\s*"[a-z0-9_]*(?:tool_result|_output|_call)"'
    rb'|"(?:function_?response|tool_?response|code_?execution_?result)"\s*:',
    re.IGNORECASE,
)
_HINTS = (b"tool", b"unction", b"_output", b"_call", b"ode")

# Members by which a request goes on from what is kept elsewhere, or has something done beside its answer.
_ELSEWHERE = ("previous_response_id", "conversation", "container")
_STATED = (b"null", b'""', b"false")

# How an answer ends that says what its model had to say, in the words of all dialects. A refusal is none: the
# next time the model may answer. Nor is one that a filter or an error cut off, or that is to be gone on with.
_GOOD_ENDS = frozenset(
    (
        "",
        "stop",
        "length",
        "tool_calls",
        "function_call",
        "stop_sequence",
        "end_turn",
        "max_tokens",
        "tool_use",
        "completed",
        "max_output_tokens",
    )
)
_REFUSAL = re.compile(rb'"refusal"\s*:\s*"[^"]|"type"\s*:\s*"(?:refusal|response\.refusal)')

# Header fields that an answer does not depend on: who asks with what, which conversation and which try it is.
_BESIDE = frozenset(
    (
        b"user-agent",
        b"accept-language",
        b"content-type",
        b"cache-control",
        b"pragma",
        b"priority",
        b"traceparent",
        b"tracestate",
        b"baggage",
        b"sentry-trace",
        b"x-amzn-trace-id",
        b"x-request-id",
        b"x-client-request-id",
        b"x-correlation-id",
        b"idempotency-key",
        b"x-idempotency-key",
        b"x-claude-code-session-id",
        b"session-id",
        b"session_id",
        b"thread-id",
        b"x-session-id",
        b"x-session-affinity",
    )
)
_SDK = b"x-stainless-"

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def why_not(call: Call, dialect: Dialect, *, results: bool) -> str:
    """Return why the answer to a request is not to be given twice, "" where it may be.

    With `results` one that holds what tools gave may be, too.
    """
    if dialect.kind(call.operation) not in ("generate", "embed"):
        return "operation"
    if dialect.ready(call, Asked(call.operation, "", call.model, call.stream, wants_usage=False, now=0)):
        return "operation"
    if _is_stored(call) or any(_is_given(call, name) for name in _ELSEWHERE) or _is_given(call, "background"):
        return "stored"
    if not results and any(_holds_results(call.document.fields.get(name)) for name in _CONVERSATIONS):
        return "tool-results"
    return ""


def is_good(seen: Seen, body: bytes) -> bool:
    """Whether an answer is complete, and what its model had to say."""
    if not seen.complete or seen.error or seen.finish_reason.lower() not in _GOOD_ENDS:
        return False
    return b"refusal" not in body or _REFUSAL.search(body) is None


def name_of(sender: Sender, call: Call, dialect: Dialect) -> bytes:
    """Return a digest of everything that the answer may depend on but the target: whose request, and what."""
    caller = sender.caller
    return _digest(
        caller.identity.key_id.encode(),
        caller.declared.encode("utf-8", "replace"),
        dialect.name.encode(),
        call.operation.encode("utf-8", "replace"),
        call.model.encode("utf-8", "surrogatepass"),
        call.query.encode("utf-8", "surrogatepass"),
        b"strict" if sender.strict else b"",
        b"stream" if call.stream else b"",
        b"\n".join(_telling(sender.forwarded)),
        call.document.body,
    )


def targeted(name: bytes, step: Step) -> bytes:
    """Return the name of the answer that a target gives: another address is another target."""
    url = step.line.endpoint.url if step.line is not None else ""
    texts = (step.provider, step.model, step.dialect, url)
    return _digest(name, *(text.encode("utf-8", "surrogatepass") for text in texts))


def _digest(*parts: bytes) -> bytes:
    """Return a digest of parts and of where each ends."""
    digest = sha256()
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()


def _telling(lines: bytes) -> Iterator[bytes]:
    """Yield the header lines for the upstream that its answer may depend on: all but those known not to."""
    for line in lines.split(b"\r\n"):
        name = line.partition(b":")[0]
        if name not in _BESIDE and not name.startswith(_SDK):
            yield line


def _is_stored(call: Call) -> bool:
    """Whether the answer is to be kept, which Responses are unless they say otherwise."""
    store = call.said.get("store") or call.document.fields.get("store")
    return call.operation == "responses" if store is None else bytes(store) not in _STATED


def _is_given(call: Call, name: str) -> bool:
    raw = call.said.get(name) or call.document.fields.get(name)
    return raw is not None and bytes(raw) not in _STATED


def _holds_results(raw: Raw | None) -> bool:
    """Whether a conversation holds what tools gave; one that cannot be read might."""
    if raw is None:
        return False
    text = bytes(raw)
    if b"\\u" in text:  # any letter may be written so
        try:
            text = msgspec.json.encode(msgspec.json.decode(text))
        except _UNREADABLE:
            return True
    return any(hint in text for hint in _HINTS) and _RESULTS.search(text) is not None
