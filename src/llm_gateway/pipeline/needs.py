"""What a request needs of its target, as far as somebody asks: tools, images, room, its conversation.

Read off the members of its body by the names that the dialects use, without decoding more than that takes.
It is no validation: what is not found is not needed, and the upstream judges the request.
"""

import re
from collections.abc import Collection, Mapping
from hashlib import blake2b

import msgspec
from msgspec import Raw

from llm_gateway.canonical.usage import estimate_tokens
from llm_gateway.clients.fingerprints import SESSION_HEADERS
from llm_gateway.dialects.contract import Call
from llm_gateway.pipeline.extent import extent
from llm_gateway.pipeline.plan import Reading
from llm_gateway.wire.headers import Headers, get

__all__ = ["NOTHING", "Needs", "conversation_named", "needs_of"]

_MAX_NAME = 256

_TOOLS = ("tools", "functions")
_CONVERSATIONS = ("messages", "input", "contents", "prompt")

# The parts that hold an image: `type` in OpenAI's and Anthropic's dialects, the media type in Gemini's,
# a member of its own in Ollama's. Inside a JSON text a quote has a backslash, so none of these is text.
_IMAGE_PARTS = re.compile(
    rb'"type"\s*:\s*"(?:image_url|input_image|image)"|"(?:mimeType|mime_type)"\s*:\s*"image/'
    rb'|"images"\s*:\s*\[\s*"'
)
# What is packed into a text takes no tokens by its length; a vendor counts one by its size in pixels.
_PACKED = re.compile(rb"[A-Za-z0-9+/_=-]{4096,}")
_PACKED_TOKENS = 1600
_LOOKED_THROUGH = 64 * 1024

# A bound that clients set is far above what models write: they put their model's maximum there.
_USUAL_OUTPUT = 1024
_MOST_OUTPUT = 4096

_OPENING = 2048
_DEPTH = 4

_any = msgspec.json.Decoder(object)
_text = msgspec.json.Decoder(str)
_list = msgspec.json.Decoder(list[Raw])


class Needs(msgspec.Struct, frozen=True):
    """What a request needs. Tokens are estimates; `session` is a digest of what names its conversation."""

    tools: bool = False
    images: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    session: str = ""


NOTHING = Needs()


class _Metadata(msgspec.Struct):
    user_id: str = ""


class _User(msgspec.Struct):
    session_id: str = ""


class _Message(msgspec.Struct):
    role: str = ""
    parts: object = None


_metadata = msgspec.json.Decoder(_Metadata)
_user = msgspec.json.Decoder(_User)
_message = msgspec.json.Decoder(_Message)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def needs_of(reads: Collection[Reading], call: Call, headers: Headers, key: str) -> Needs:
    """Return what a request of a key needs, as far as `reads` says that somebody asks."""
    if not reads:
        return NOTHING
    fields = call.document.fields
    size = "size" in reads
    return Needs(
        tools="tools" in reads and _offers_tools(fields),
        images="images" in reads and _holds_images(fields),
        input_tokens=_estimate(call.document.body) if size else 0,
        output_tokens=_output(call) if size else 0,
        session=_session(call, headers, key) if "session" in reads else "",
    )


def conversation_named(name: str) -> str:
    """Return the digest of a conversation that its client names."""
    return _digest("named", name[:_MAX_NAME])


def _offers_tools(fields: Mapping[str, Raw]) -> bool:
    if any(_is_filled(fields.get(name)) for name in _TOOLS):
        return True
    # Codex's newer models get their tools as the first thing of the conversation.
    return b'"additional_tools"' in bytes(fields.get("input", b""))


def _holds_images(fields: Mapping[str, Raw]) -> bool:
    if _is_filled(fields.get("images")):
        return True
    told = (fields.get(name) for name in _CONVERSATIONS)
    return any(raw is not None and _IMAGE_PARTS.search(raw) is not None for raw in told)


def _is_filled(raw: Raw | None) -> bool:
    """Whether a member is a list that holds something."""
    start = bytes(raw or b"")[:64]
    return start.startswith(b"[") and not start[1:].lstrip().startswith(b"]")


def _estimate(body: bytes) -> int:
    """Return about how many tokens a body has: text by its length, what is packed into it by the piece."""
    if len(body) <= _LOOKED_THROUGH:
        return estimate_tokens(len(body))
    packed = [end - start for start, end in (found.span() for found in _PACKED.finditer(body))]
    return estimate_tokens(len(body) - sum(packed)) + _PACKED_TOKENS * len(packed)


def _output(call: Call) -> int:
    asked = extent(call).tokens
    return _USUAL_OUTPUT if asked is None else min(asked, _MOST_OUTPUT)


# which conversation it is of


def _session(call: Call, headers: Headers, key: str) -> str:
    """Return a digest of what the client calls its conversation, else of what that opens with."""
    for name in SESSION_HEADERS:
        if value := get(headers, name):
            return conversation_named(value[:_MAX_NAME].decode("latin-1"))
    fields = call.document.fields
    if named := _string(fields.get("prompt_cache_key")) or _anthropic_session(fields.get("metadata")):
        return conversation_named(named)
    for member in _CONVERSATIONS:
        if (raw := fields.get(member)) is not None:
            return _digest("opened", key, call.model, _opening(raw))
    return ""


def _anthropic_session(raw: Raw | None) -> str:
    """Return the conversation in `metadata.user_id`: Claude Code puts its own id there in one of two forms.

    Anything else there names a person, whose conversations are many.
    """
    try:
        told = _metadata.decode(raw).user_id if raw is not None else ""
        if told.startswith("{"):
            return _user.decode(told).session_id
    except _UNREADABLE:
        return ""
    return told.partition("_session_")[2]


def _opening(raw: Raw) -> str:
    """Return the beginning of what the user says first: that stays while a conversation grows."""
    try:
        messages = [raw] if not bytes(raw).lstrip().startswith(b"[") else _list.decode(raw)
    except _UNREADABLE:
        return ""
    for message in messages:
        if _is_the_users(message):
            texts: list[str] = []
            _gather(_decoded(message), texts, _DEPTH)
            return "\\0".join(texts)[:_OPENING]
    return ""


def _is_the_users(message: Raw) -> bool:
    """Whether the user says this: a text by itself, too, and in Gemini's dialect what names nobody."""
    try:
        told = _message.decode(message)
    except msgspec.ValidationError:
        return True
    except _UNREADABLE:
        return False
    return told.role == "user" or (not told.role and told.parts is not None)


def _gather(value: object, texts: list[str], depth: int) -> None:
    """Collect what is said in a message, without the marks that may come and go beside it."""
    match value:
        case str():
            texts.append(value[:_OPENING])
        case list() if depth:
            for each in value[:_DEPTH]:
                _gather(each, texts, depth - 1)
        case dict() if depth:
            for name in ("content", "parts", "text"):
                _gather(value.get(name), texts, depth - 1)


def _string(raw: Raw | None) -> str:
    try:
        return _text.decode(raw) if raw is not None else ""
    except _UNREADABLE:
        return ""


def _decoded(raw: Raw) -> object:
    try:
        return _any.decode(raw)
    except _UNREADABLE:
        return None


def _digest(*texts: str) -> str:
    return blake2b("\\0".join(texts).encode("utf-8", "replace"), digest_size=12).hexdigest()
