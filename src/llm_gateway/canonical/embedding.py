"""A request for embeddings and its answer, as all dialects that have them mean it."""

import msgspec

from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.usage import Usage

__all__ = ["DecodedEmbedding", "Embedded", "EmbeddingRequest"]


class EmbeddingRequest(msgspec.Struct, frozen=True):
    """Texts to embed. `packed`: the client wants base64 of little-endian 32-bit floats, not numbers.

    `single`: the client sent one text rather than a list of one.
    """

    inputs: tuple[str, ...]
    dimensions: int | None = None
    packed: bool = False
    single: bool = False


class DecodedEmbedding(msgspec.Struct, frozen=True):
    """A request for embeddings read from its dialect, and what was lost on the way."""

    request: EmbeddingRequest
    losses: tuple[Loss, ...] = ()


class Embedded(msgspec.Struct, frozen=True):
    """One vector for each text, in their order."""

    vectors: tuple[tuple[float, ...], ...]
    model: str = ""
    usage: Usage | None = None
