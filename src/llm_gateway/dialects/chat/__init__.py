"""The `chat` dialect: OpenAI Chat Completions, with completions and embeddings beside it."""

from llm_gateway.dialects.chat.errors import encode_error, encode_stream_error
from llm_gateway.dialects.chat.request import address, read_call
from llm_gateway.dialects.chat.response import read_answer
from llm_gateway.dialects.chat.stream import ChatMeter
from llm_gateway.dialects.contract import Call, Dialect, Seen, StreamMeter
from llm_gateway.errors import GatewayError

__all__ = ["CHAT"]


class _Chat:
    name = "chat"

    def read_call(self, body: bytes, operation: str) -> Call:
        return read_call(body, operation)

    def address(self, call: Call, model: str, *, ask_usage: bool) -> bytes:
        return address(call, model, ask_usage=ask_usage)

    def read_answer(self, body: bytes) -> Seen:
        return read_answer(body)

    def meter(self, *, strip_usage: bool) -> StreamMeter:
        return ChatMeter(strip_usage=strip_usage)

    def encode_error(self, error: GatewayError) -> bytes:
        return encode_error(error)

    def encode_stream_error(self, error: GatewayError) -> bytes:
        return encode_stream_error(error)


CHAT: Dialect = _Chat()
