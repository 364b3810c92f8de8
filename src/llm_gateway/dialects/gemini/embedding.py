"""Embeddings in this dialect, for a side that speaks another one: `embedContent` and `batchEmbedContents`.

What is written asks for a batch, of one text or more. Not for pictures and sound, which only some of
Google's own models embed.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.canonical.embedding import DecodedEmbedding, Embedded, EmbeddingRequest
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Encoded
from llm_gateway.dialects.contract import Asked, Call, Embedding, Target
from llm_gateway.dialects.gemini.members import (
    Json,
    listed,
    lose,
    members_of,
    named,
    optional,
    says_nothing,
    value_of,
    wrong,
)
from llm_gateway.dialects.gemini.read_usage import read_used
from llm_gateway.dialects.gemini.request import method
from llm_gateway.dialects.gemini.response import UNREADABLE, error_text
from llm_gateway.dialects.gemini.usage import told_of_prompt
from llm_gateway.errors import MalformedRequest, UpstreamBroken

__all__ = ["EMBEDDING"]

_SINGLE, _BATCH = "embedContent", "batchEmbedContents"
_CONFIG = "embedContentConfig"
_UNDERSTOOD = frozenset(("model", "content", "outputDimensionality", _CONFIG))
_NO_PLACE = {
    "taskType": "other dialects do not ask what an embedding is for",
    "title": "other dialects have no title beside a text",
    "autoTruncate": "another provider decides what it does with texts that are too long",
}

_list = msgspec.json.Decoder(list[dict[str, Raw]])
_integer = msgspec.json.Decoder(int, strict=False)
_encode = msgspec.json.encode


class _Vector(msgspec.Struct):
    values: list[float]


class _Answer(msgspec.Struct, rename="camel"):
    embedding: _Vector | None = None
    embeddings: list[_Vector] | None = None
    usage_metadata: Raw = msgspec.field(default_factory=Raw)
    error: object = None


_answer = msgspec.json.Decoder(_Answer)


class _GeminiEmbedding:
    def path(self, model: str) -> str:
        return method(model, _BATCH)

    def decode_request(self, call: Call) -> DecodedEmbedding:
        fields = named(call.document.fields)
        losses = Losses()
        if call.operation == _SINGLE:
            text, dimensions = _read(fields, "", losses)
            return DecodedEmbedding(EmbeddingRequest((text,), dimensions, single=True), losses.found())
        for key, raw in fields.items():
            if key not in ("requests", "model") and not says_nothing(value_of(raw)):
                lose(losses, "", key, "not known outside of the dialect it came in")
        requests = optional(fields, "requests", _list, "a list of objects")
        if not requests:
            raise MalformedRequest("`requests` is missing or empty: give a list of texts", param="requests")
        read = [_read(named(each), f"requests[{at}].", losses) for at, each in enumerate(requests)]
        sizes = {dimensions for _, dimensions in read}
        if len(sizes) > 1:
            raise MalformedRequest(
                "`requests` ask for embeddings of several sizes, which no other provider makes at "
                "once: send a request for each `outputDimensionality`",
                param="requests",
            )
        return DecodedEmbedding(
            EmbeddingRequest(tuple(text for text, _ in read), sizes.pop()), losses.found()
        )

    def encode_request(self, request: EmbeddingRequest, target: Target) -> Encoded:
        model = f"models/{target.model.removeprefix('models/')}"
        requests: list[Json] = []
        for text in request.inputs:
            each: dict[str, object] = {"model": model, "content": {"parts": [{"text": text}]}}
            if request.dimensions is not None:
                each["outputDimensionality"] = request.dimensions
            requests.append(each)
        return Encoded(_encode({"requests": requests}))

    def decode_response(self, body: bytes) -> Embedded:
        try:
            answer = _answer.decode(body)
        except UNREADABLE:
            raise UpstreamBroken("the upstream's answer is no list of embeddings") from None
        if answer.error is not None:
            raise UpstreamBroken(f"the upstream failed while it answered: {error_text(answer.error)}")
        vectors = [answer.embedding] if answer.embedding is not None else answer.embeddings
        if vectors is None:
            raise UpstreamBroken("the upstream's answer is no list of embeddings: it has none")
        usage, _ = read_used(answer.usage_metadata)
        return Embedded(tuple(tuple(each.values) for each in vectors), usage=usage)

    def encode_response(self, embedded: Embedded, request: EmbeddingRequest, asked: Asked) -> bytes:
        vectors = [{"values": vector} for vector in embedded.vectors]
        answer: dict[str, object] = {"embeddings": vectors}
        if asked.operation == _SINGLE:
            answer = {"embedding": vectors[0]}
        if embedded.usage is not None:
            answer["usageMetadata"] = told_of_prompt(embedded.usage)
        return _encode(answer)


def _read(fields: Mapping[str, Raw], where: str, losses: Losses) -> tuple[str, int | None]:
    """Return the text of one request and how long its embedding is to be."""
    inner = members_of(fields, _CONFIG, where)
    dimensions = optional(fields, "outputDimensionality", _integer, "a whole number", where)
    if dimensions is None:
        dimensions = optional(inner, "outputDimensionality", _integer, "a whole number", where)
    for key, raw in (*fields.items(), *inner.items()):
        if key not in _UNDERSTOOD and not says_nothing(value_of(raw)):
            lose(losses, "", key, _NO_PLACE.get(key, "not known outside of the dialect it came in"))
    return _text(value_of(fields.get("content")), f"{where}content"), dimensions


def _text(content: object, where: str) -> str:
    if isinstance(content, str):
        return content
    parts = listed(content.get("parts")) if isinstance(content, dict) else None
    if not isinstance(parts, list) or not parts:
        raise wrong(where, "an object with `parts`")
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    said = [text for text in texts if isinstance(text, str)]
    if len(said) < len(parts):
        raise wrong(f"{where}.parts", "parts of text: another provider embeds nothing else")
    return "\n\n".join(said)


EMBEDDING: Embedding = _GeminiEmbedding()
