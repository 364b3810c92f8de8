"""Embeddings in this dialect, for a side that speaks another one.

Not for tokens as input, which only the model that made them could read.
"""

import binascii
import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence

import msgspec
from msgspec import Raw

from llm_gateway.canonical.embedding import DecodedEmbedding, Embedded, EmbeddingRequest
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Encoded
from llm_gateway.dialects.chat.members import UNREADABLE, lose, optional, says_nothing, value_of, wrong
from llm_gateway.dialects.chat.read_usage import read_usage
from llm_gateway.dialects.chat.response import error_text
from llm_gateway.dialects.contract import Asked, Call, Embedding, Target
from llm_gateway.errors import MalformedRequest, UpstreamBroken

__all__ = ["EMBEDDING"]

_UNDERSTOOD = frozenset(("model", "input", "dimensions", "encoding_format"))
_input = msgspec.json.Decoder(str | list[object])
_integer = msgspec.json.Decoder(int)
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.encode


class _Vector(msgspec.Struct):
    embedding: list[float] | str
    index: int | None = None


class _Answer(msgspec.Struct):
    data: list[_Vector] | None = None
    model: object = None
    usage: Raw = msgspec.field(default_factory=Raw)
    error: object = None


_answer = msgspec.json.Decoder(_Answer)


class _ChatEmbedding:
    def path(self, model: str) -> str:
        return "embeddings"

    def decode_request(self, call: Call) -> DecodedEmbedding:
        fields = call.document.fields
        told = optional(fields, "input", _input, "a string or a list of strings")
        inputs = _texts(told)
        form = optional(fields, "encoding_format", _text, "`float` or `base64`") or "float"
        if form not in ("float", "base64"):
            raise wrong("encoding_format", "`float` or `base64`")
        request = EmbeddingRequest(
            inputs,
            optional(fields, "dimensions", _integer, "a whole number"),
            packed=form == "base64",
            single=isinstance(told, str),
        )
        losses = Losses()
        for key, raw in fields.items():
            if key not in _UNDERSTOOD and not says_nothing(value_of(raw)):
                lose(losses, "", key, "not known outside of the dialect it came in")
        return DecodedEmbedding(request, losses.found())

    def encode_request(self, request: EmbeddingRequest, target: Target) -> Encoded:
        told: dict[str, object] = {"model": target.model, "input": request.inputs}
        if request.single and len(request.inputs) == 1:
            told["input"] = request.inputs[0]
        if request.dimensions is not None:
            told["dimensions"] = request.dimensions
        return Encoded(_encode(told))

    def decode_response(self, body: bytes) -> Embedded:
        try:
            answer = _answer.decode(body)
        except UNREADABLE:
            raise UpstreamBroken("the upstream's answer is no list of embeddings") from None
        if answer.error is not None:
            raise UpstreamBroken(f"the upstream failed while it answered: {error_text(answer.error)}")
        if answer.data is None:
            raise UpstreamBroken("the upstream's answer is no list of embeddings: it has no data")
        numbered = sorted(
            enumerate(answer.data), key=lambda each: each[0] if each[1].index is None else each[1].index
        )
        vectors = tuple(_vector(told.embedding) for _, told in numbered)
        model = answer.model if isinstance(answer.model, str) else ""
        return Embedded(vectors, model, read_usage(answer.usage))

    def encode_response(self, embedded: Embedded, request: EmbeddingRequest, asked: Asked) -> bytes:
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": _packed(vector) if request.packed else vector,
            }
            for index, vector in enumerate(embedded.vectors)
        ]
        tokens = embedded.usage.input if embedded.usage is not None else 0
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return _encode({"object": "list", "data": data, "model": asked.model, "usage": usage})


def _texts(told: str | list[object] | None) -> tuple[str, ...]:
    if isinstance(told, str):
        return (told,)
    if not told:
        raise MalformedRequest("`input` is missing or empty: give a text, or a list of them", param="input")
    texts = [text for text in told if isinstance(text, str)]
    if len(texts) == len(told):
        return tuple(texts)
    if all(isinstance(item, int | list) for item in told):
        raise MalformedRequest(
            "`input` is made of tokens, which only the model that they are from could read, and this "
            "request goes to a provider that takes text: send text",
            param="input",
        )
    raise wrong("input", "a string or a list of strings")


def _packed(vector: Sequence[float]) -> str:
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def _vector(told: list[float] | str) -> tuple[float, ...]:
    if not isinstance(told, str):
        return tuple(told)
    try:
        data = b64decode(told, validate=True)
        return struct.unpack(f"<{len(data) // 4}f", data)
    except (binascii.Error, struct.error, ValueError):
        raise UpstreamBroken("the upstream sent an embedding that is no base64 of 32-bit numbers") from None


EMBEDDING: Embedding = _ChatEmbedding()
