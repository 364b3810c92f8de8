"""What every dialect can do, and the values that pass between a dialect and the pipeline.

Not an implementation: each dialect is a folder beside this file, and `registry.py` names them. The first
half of a dialect passes its own bytes through; the second half, `Translation`, reads and writes the common
model, for a client and an upstream that speak different dialects.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec
from msgspec import Raw

from llm_gateway.canonical.abilities import Abilities
from llm_gateway.canonical.embedding import DecodedEmbedding, Embedded, EmbeddingRequest
from llm_gateway.canonical.events import Event
from llm_gateway.canonical.gather import Recall
from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.request import Decoded, Encoded, Request
from llm_gateway.canonical.response import Failure, Response
from llm_gateway.canonical.slots import Slots
from llm_gateway.canonical.usage import Usage
from llm_gateway.errors import GatewayError
from llm_gateway.wire.jsonedit import Document

__all__ = [
    "Asked",
    "Call",
    "Dialect",
    "Embedding",
    "EventDecoder",
    "EventEncoder",
    "Kind",
    "Path",
    "Read",
    "Seen",
    "StreamMeter",
    "Target",
    "TargetDialect",
    "Written",
]

Kind = Literal["generate", "embed", "count", "native"]
"""What an operation is for. `native`: something that no other dialect has."""


class Path(msgspec.Struct, frozen=True):
    """Where a request was sent: the operation, the model where the path names one, the query as sent.

    The gateway's own credentials are taken out of the query before.
    """

    operation: str
    model: str = ""
    query: str = ""


class Call(msgspec.Struct, frozen=True):
    """A request as far as it must be understood to be routed; the rest stays bytes in `document`."""

    operation: str
    model: str
    stream: bool
    wants_usage: bool
    document: Document
    query: str = ""
    said: Mapping[str, Raw] = {}
    """Members that the client sent or meant and that are dealt with here: an answer repeats them."""

    def __len__(self) -> int:
        """Return the size of the body in bytes."""
        return len(self.document)


class Seen(msgspec.Struct):
    """What an answer told about itself. A meter fills it in while the answer passes."""

    usage: Usage | None = None
    response_id: str = ""
    model: str = ""
    finish_reason: str = ""
    content_bytes: int = 0
    """Bytes of text, reasoning and tool arguments, as UTF-8: what an estimate is made from."""
    complete: bool = False
    """The end that the dialect prescribes was there; a stream without it broke off."""
    error: str = ""
    """What an error inside the stream said, where there was one."""
    tier: str = ""
    """The service tier that answered, by its name in `canonical/tiers.py`; "" for the usual one."""
    counted_bytes: int = -1
    """Of how many of the `content_bytes` the `usage` is, where it was told before the end; -1: of all."""

    def count(self, usage: Usage) -> None:
        """Take over what the provider has counted: it is of what has come so far."""
        self.usage = usage
        self.counted_bytes = self.content_bytes if not self.finish_reason else -1


class StreamMeter(Protocol):
    """Watch one stream: bytes in, bytes to relay out, knowledge in `seen`."""

    @property
    def seen(self) -> Seen:
        """Return what was seen so far."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Return what to relay for `data`: the same object when nothing has to be taken out."""
        ...

    def close(self) -> bytes:
        """Return what was held back; the stream has ended, well or not."""
        ...

    def fail(self, error: GatewayError) -> bytes:
        """Return the last bytes of a stream that breaks off here, its client's reader kept in step.

        An event that was passed on in part is ended first.
        """
        ...


class Target(msgspec.Struct, frozen=True):
    """Whom a translated request is written for: the provider's name of the model, and its quirks.

    `usage` is whether a stream may be made to report its usage where the dialect asks for it;
    `max_tokens` is what to allow where the dialect demands a limit and the client set none. `abilities` are
    those of a bridge.
    """

    model: str
    usage: bool = True
    max_tokens: int = 8192
    abilities: Abilities | None = None


class Asked(msgspec.Struct, frozen=True):
    """What a translated answer must know of the request it answers.

    `id` is unique and printable (the turn's); each dialect puts its own prefix before it. `model` is the
    name that the client used. `now` is in seconds since 1970. `notes` are those of `Decoded`. `clock` tells
    when the answer ends, in microseconds; without one it ends as soon as it was asked for.
    """

    operation: str
    id: str
    model: str
    stream: bool
    wants_usage: bool
    now: int
    query: str = ""
    notes: Mapping[str, str] = {}
    clock: Callable[[], int] | None = None


class Read(msgspec.Struct, frozen=True):
    """A whole answer read from its dialect, and what of it the common model cannot hold."""

    response: Response
    losses: tuple[Loss, ...] = ()


class Written(msgspec.Struct, frozen=True):
    """A whole answer written in a dialect. `id` is the response's id as the client sees it."""

    body: bytes
    id: str = ""
    losses: tuple[Loss, ...] = ()


class EventDecoder(Protocol):
    """Read one stream of a dialect: bytes in, cut anywhere, events out."""

    losses: Sequence[Loss]
    """What the common model could not hold so far."""

    def feed(self, data: bytes) -> list[Event]:
        """Return what these bytes complete; UpstreamBroken when they are no stream of this dialect."""
        ...

    def close(self) -> list[Event]:
        """Return what was left. A stream without its end gives no `Finished`: it broke off."""
        ...


class EventEncoder(Protocol):
    """Write one stream of a dialect: events in, bytes out; the end, too, comes by an event."""

    id: str
    """The response's id as the client sees it."""
    losses: Sequence[Loss]
    """What the dialect could not say so far."""

    def feed(self, event: Event) -> bytes:
        """Return the bytes that say this event, b"" where they have to wait or nothing is to be said.

        After `Finished` the stream is complete, its terminal event and marker included.
        """
        ...


class Embedding(Protocol):
    """The part of a dialect that makes embeddings, translated."""

    def path(self, model: str) -> str:
        """Return where below the endpoint's path an encoded request goes."""
        ...

    def decode_request(self, call: Call) -> DecodedEmbedding:
        """Read a request; raise `MalformedRequest` with the field at fault."""
        ...

    def encode_request(self, request: EmbeddingRequest, target: Target) -> Encoded:
        """Write a request."""
        ...

    def decode_response(self, body: bytes) -> Embedded:
        """Read an answer; UpstreamBroken when it is none."""
        ...

    def encode_response(self, embedded: Embedded, request: EmbeddingRequest, asked: Asked) -> bytes:
        """Write an answer."""
        ...


class TargetDialect(Protocol):
    """A language in which somebody is asked; whether clients speak it, too, is another matter."""

    @property
    def name(self) -> str:
        """Return the dialect's name, as in the configuration."""
        ...

    @property
    def embedding(self) -> Embedding | None:
        """Return the part that makes embeddings, where the dialect has one."""
        ...

    def path(self, model: str, *, stream: bool) -> str:
        """Return where below the endpoint's path an encoded request goes."""
        ...

    @property
    def request_headers(self) -> bytes:
        """Return the header lines that an encoded request needs beside its content type."""
        ...

    def encode_request(self, request: Request, target: Target) -> Encoded:
        """Write a request."""
        ...

    def decode_response(self, body: bytes) -> Read:
        """Read a whole answer; UpstreamBroken when it is none."""
        ...

    def decoder(self) -> EventDecoder:
        """Return a decoder for one stream."""
        ...

    def decode_error(self, status: int, body: bytes) -> Failure:
        """Read an upstream's error answer, whatever its form; its words are kept."""
        ...


class Dialect(TargetDialect, Protocol):
    """A wire language that clients speak."""

    @property
    def keys_in_url(self) -> bool:
        """Return whether its clients may put their key into the query, knowing no other place."""
        ...

    @property
    def takes_comments(self) -> bool:
        """Return whether its clients pass over a comment between two events of a stream, as they should."""
        ...

    def kind(self, operation: str) -> Kind:
        """Return what an operation is for."""
        ...

    # passing through

    def read_call(self, body: bytes, path: Path) -> Call:
        """Read what routing needs; raise `MalformedRequest` with the field at fault."""
        ...

    def address(self, call: Call, model: str, *, ask_usage: bool) -> bytes:
        """Return the body for this model; `ask_usage` makes a stream report its usage."""
        ...

    def target(self, call: Call, model: str) -> str:
        """Return where below the endpoint's path a call goes, its query included."""
        ...

    def is_stream(self, call: Call, content_type: bytes) -> bool:
        """Whether a 2xx answer with this content type (lower case) is a stream of the dialect."""
        ...

    def read_answer(self, body: bytes, operation: str) -> Seen:
        """Read a whole answer; one that cannot be read gives an empty `Seen`."""
        ...

    def meter(self, call: Call, *, strip_usage: bool) -> StreamMeter:
        """Return a meter; `strip_usage` takes out what only our own asking brought in."""
        ...

    # compressing

    def slots(self, document: Document, recall: Recall) -> Slots:
        """Return where tools speak in the body of a request; nowhere, where it is not understood."""
        ...

    # telling of errors

    def encode_error(self, error: GatewayError) -> bytes:
        """Return the body of an error of the gateway's own."""
        ...

    def encode_failure(self, failure: Failure) -> bytes:
        """Return the body of an error that an upstream of another dialect answered with."""
        ...

    # translating requests of the kind `generate`

    def content_type(self, asked: Asked) -> bytes:
        """Return the content type of an encoded 2xx answer."""
        ...

    def id_headers(self, asked: Asked) -> bytes:
        """Return the header lines in which clients of this dialect look for the id of a request."""
        ...

    def decode_request(self, call: Call) -> Decoded:
        """Read a request; raise `MalformedRequest` with the field at fault."""
        ...

    def encode_response(self, response: Response, asked: Asked) -> Written:
        """Write a whole answer."""
        ...

    def encoder(self, asked: Asked) -> EventEncoder:
        """Return an encoder for one stream."""
        ...

    def ready(self, call: Call, asked: Asked) -> bytes | None:
        """Return the whole answer to a request that asks a model for nothing; None for one that asks.

        Ollama's clients load a model before they talk to it; a model of another kind of provider is ready.
        """
        ...

    def encode_count(self, tokens: int) -> bytes:
        """Write the answer to a request that only counts tokens; only where there is such an operation."""
        ...
