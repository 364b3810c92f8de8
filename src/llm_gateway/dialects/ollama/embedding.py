"""Embeddings in this dialect, for a side that speaks another one: `embed`, and `embeddings` as it was before.

The older form takes one text and answers with one vector, without a count.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.embedding import DecodedEmbedding, Embedded, EmbeddingRequest
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Encoded
from llm_gateway.dialects.contract import Asked, Call, Embedding, Target
from llm_gateway.dialects.ollama.decode import lose_engine
from llm_gateway.dialects.ollama.members import UNREADABLE, lose, lose_unknown, members, text, texts, whole
from llm_gateway.dialects.ollama.response import error_text, read_usage
from llm_gateway.errors import MalformedRequest, UpstreamBroken

__all__ = ["EMBEDDING"]

_ENGINE = frozenset(("model", "options", "keep_alive", "truncate"))
_EMBED = _ENGINE | {"input", "dimensions"}
_EMBEDDINGS = _ENGINE | {"prompt"}
_encode = msgspec.json.encode


class _Asking(msgspec.Struct, omit_defaults=True):
    model: str
    input: str | tuple[str, ...]
    dimensions: int | None = None


class _Answer(msgspec.Struct):
    model: str | None = None
    embeddings: tuple[tuple[float, ...], ...] | None = None
    embedding: tuple[float, ...] | None = None
    prompt_eval_count: object = None
    error: object = None


class _Embedded(msgspec.Struct, omit_defaults=True):
    model: str
    embeddings: tuple[tuple[float, ...], ...]
    prompt_eval_count: int = 0


class _EmbeddedOne(msgspec.Struct):
    embedding: tuple[float, ...]


_answer = msgspec.json.Decoder(_Answer)


class _OllamaEmbedding:
    def path(self, model: str) -> str:
        return "embed"

    def decode_request(self, call: Call) -> DecodedEmbedding:
        losses = Losses()
        fields = call.document.fields
        key, known = ("prompt", _EMBEDDINGS) if call.operation == "embeddings" else ("input", _EMBED)
        lose_unknown(fields, known, "", losses)
        lose_engine(fields, losses)
        for option, raw in members(fields.get("options"), "options").items():
            if bytes(raw) != b"null":
                lose(losses, "options.", option, "a setting of Ollama's engine")
        told = fields.get(key)
        inputs, single = _inputs(told, key)
        dimensions = None if key == "prompt" else whole(fields.get("dimensions"), "dimensions")
        # 0 dimensions are all of them.
        return DecodedEmbedding(EmbeddingRequest(inputs, dimensions or None, single=single), losses.found())

    def encode_request(self, request: EmbeddingRequest, target: Target) -> Encoded:
        one = request.single and len(request.inputs) == 1
        return Encoded(
            _encode(_Asking(target.model, request.inputs[0] if one else request.inputs, request.dimensions))
        )

    def decode_response(self, body: bytes) -> Embedded:
        try:
            answer = _answer.decode(body)
        except UNREADABLE:
            raise UpstreamBroken("the upstream's answer is no list of embeddings") from None
        if answer.error is not None:
            raise UpstreamBroken(f"the upstream failed while it answered: {error_text(answer.error)}")
        vectors = answer.embeddings
        if vectors is None:
            if not answer.embedding:
                raise UpstreamBroken("the upstream's answer is no list of embeddings: it has none")
            vectors = (answer.embedding,)
        return Embedded(vectors, answer.model or "", read_usage(answer.prompt_eval_count, None, None))

    def encode_response(self, embedded: Embedded, request: EmbeddingRequest, asked: Asked) -> bytes:
        if asked.operation == "embeddings":
            return _encode(_EmbeddedOne(embedded.vectors[0] if embedded.vectors else ()))
        tokens = embedded.usage.input if embedded.usage is not None else 0
        return _encode(_Embedded(asked.model, embedded.vectors, tokens))


def _inputs(raw: Raw | None, key: str) -> tuple[tuple[str, ...], bool]:
    """Return the texts, and whether it is one that was said alone."""
    if raw is not None and (key == "prompt" or bytes(raw)[:1] == b'"'):
        if one := text(raw, key):
            return (one,), True
    elif several := texts(raw, key):
        return tuple(several), False
    raise MalformedRequest(
        f"`{key}` is missing or empty: only a model of an Ollama server can be loaded ahead", param=key
    )


EMBEDDING: Embedding = _OllamaEmbedding()
