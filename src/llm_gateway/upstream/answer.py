"""The answer to one attempt, as the pipeline sees it: whatever gave it, the same few verbs."""

from collections.abc import Callable
from typing import Protocol

from llm_gateway.errors import ClientFault, UpstreamBroken
from llm_gateway.http.decoding import decode_body
from llm_gateway.wire.headers import Headers, get, get_all

__all__ = ["MAX_ANSWER", "MAX_ERROR", "Answer", "is_coded", "is_event_stream", "read_error", "read_whole"]

MAX_ANSWER = 64 * 1024 * 1024
"""Most bytes of an answer that is read whole."""

MAX_ERROR = 64 * 1024
"""Most bytes of an answer that is an error: what it says stands at its beginning."""


class Answer(Protocol):
    """An answer whose head has come. `release` gives it back, whole or not, and may be called twice."""

    status: int
    headers: Headers

    async def read(self) -> bytes:
        """Return what has come of the body since the last call; b"" at its proper end."""
        ...

    async def arrive(self) -> None:
        """Wait until something of the body is here, or its end."""
        ...

    def take(self) -> bytes:
        """Return the body bytes that are here already, or b""."""
        ...

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Hand each piece of the body to `sink` as it comes, until it says False or at the proper end."""
        ...

    @property
    def ended(self) -> bool:
        """Whether nothing is left to read."""
        ...

    def release(self) -> None:
        """Let go of the answer: an upstream that still sends is cut off."""
        ...


def is_event_stream(answer: Answer) -> bool:
    """Whether the body is a stream of server-sent events."""
    content_type = get(answer.headers, b"content-type")
    return content_type is not None and content_type[:17].lower() == b"text/event-stream"


def is_coded(answer: Answer) -> bool:
    """Whether the body comes in a content coding, although we ask for none."""
    coding = get(answer.headers, b"content-encoding")
    return coding is not None and coding.lower() != b"identity"


async def read_whole(answer: Answer, limit: int) -> bytes:
    """Return the whole body, decoded if it came coded although we asked for plain.

    Raises UpstreamBroken when it is over `limit` bytes or not what its coding says.
    """
    data = await _read_over(answer, limit)
    if len(data) > limit:
        raise UpstreamBroken(f"the upstream's answer is over {limit} bytes")
    if not is_coded(answer):
        return data
    codings = b",".join(get_all(answer.headers, b"content-encoding"))
    answer.headers = [field for field in answer.headers if field[0] != b"content-encoding"]
    try:
        return decode_body(data, codings, limit)
    except ClientFault as error:
        raise UpstreamBroken("the upstream's answer is not what its content-encoding says") from error


async def read_error(answer: Answer) -> bytes:
    """Return the body of an answer that is an error; of a longer one than MAX_ERROR its beginning.

    What is left of a longer one is not read: releasing the answer cuts the upstream off. One that came coded
    cannot be cut where it is understood: it is read as `read_whole` does, and UpstreamBroken when too long.
    """
    if is_coded(answer):
        return await read_whole(answer, MAX_ERROR)
    return (await _read_over(answer, MAX_ERROR))[:MAX_ERROR]


async def _read_over(answer: Answer, limit: int) -> bytes:
    """Return the body as it comes, up to the piece that takes it over `limit` bytes."""
    data = answer.take() or await answer.read()
    size = len(data)
    if data and not answer.ended:
        parts = [data]
        while size <= limit and (piece := await answer.read()):
            parts.append(piece)
            size += len(piece)
        data = b"".join(parts)
    return data
