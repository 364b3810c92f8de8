"""The `chat` dialect: OpenAI Chat Completions, with completions and embeddings beside it."""

from llm_gateway.canonical.gather import Recall
from llm_gateway.canonical.request import Decoded, Encoded, Request
from llm_gateway.canonical.response import Failure, Response
from llm_gateway.canonical.slots import Slots
from llm_gateway.dialects.chat.answer import decode_response, encode_response
from llm_gateway.dialects.chat.decode import decode_request
from llm_gateway.dialects.chat.decoder import ChatDecoder
from llm_gateway.dialects.chat.embedding import EMBEDDING
from llm_gateway.dialects.chat.encode import encode_request
from llm_gateway.dialects.chat.encoder import ChatEncoder
from llm_gateway.dialects.chat.errors import decode_error, encode_error, encode_failure
from llm_gateway.dialects.chat.request import address, is_stream, kind, read_call, target
from llm_gateway.dialects.chat.response import read_answer
from llm_gateway.dialects.chat.slots import slots
from llm_gateway.dialects.chat.stream import ChatMeter
from llm_gateway.dialects.contract import (
    Asked,
    Call,
    Dialect,
    Embedding,
    EventDecoder,
    EventEncoder,
    Kind,
    Path,
    Read,
    Seen,
    StreamMeter,
    Target,
    Written,
)
from llm_gateway.errors import GatewayError
from llm_gateway.wire.jsonedit import Document

__all__ = ["CHAT"]


class _Chat:
    name = "chat"
    keys_in_url = False
    takes_comments = True
    request_headers = b""
    embedding: Embedding | None = EMBEDDING

    def kind(self, operation: str) -> Kind:
        return kind(operation)

    def read_call(self, body: bytes, path: Path) -> Call:
        return read_call(body, path)

    def address(self, call: Call, model: str, *, ask_usage: bool) -> bytes:
        return address(call, model, ask_usage=ask_usage)

    def target(self, call: Call, model: str) -> str:
        return target(call)

    def is_stream(self, call: Call, content_type: bytes) -> bool:
        return is_stream(content_type)

    def read_answer(self, body: bytes, operation: str) -> Seen:
        return read_answer(body)

    def meter(self, call: Call, *, strip_usage: bool) -> StreamMeter:
        return ChatMeter(strip_usage=strip_usage)

    def slots(self, document: Document, recall: Recall) -> Slots:
        return slots(document, recall)

    def encode_error(self, error: GatewayError) -> bytes:
        return encode_error(error)

    def decode_error(self, status: int, body: bytes) -> Failure:
        return decode_error(status, body)

    def encode_failure(self, failure: Failure) -> bytes:
        return encode_failure(failure)

    def path(self, model: str, *, stream: bool) -> str:
        return "chat/completions"

    def content_type(self, asked: Asked) -> bytes:
        return b"text/event-stream; charset=utf-8" if asked.stream else b"application/json"

    def id_headers(self, asked: Asked) -> bytes:
        return b"x-request-id: req_%b\r\n" % asked.id.encode("ascii")

    def decode_request(self, call: Call) -> Decoded:
        return decode_request(call)

    def encode_request(self, request: Request, target: Target) -> Encoded:
        return encode_request(request, target)

    def decode_response(self, body: bytes) -> Read:
        return decode_response(body)

    def encode_response(self, response: Response, asked: Asked) -> Written:
        return encode_response(response, asked)

    def decoder(self) -> EventDecoder:
        return ChatDecoder()

    def encoder(self, asked: Asked) -> EventEncoder:
        return ChatEncoder(asked)

    def ready(self, call: Call, asked: Asked) -> bytes | None:
        return None

    def encode_count(self, tokens: int) -> bytes:
        raise AssertionError("the chat dialect has no operation that only counts")


CHAT: Dialect = _Chat()
