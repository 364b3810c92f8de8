"""Errors in the shape that OpenAI's clients read: whole answers and the last event of a stream."""

import msgspec

from llm_gateway.errors import GatewayError

__all__ = ["encode_error", "encode_stream_error"]

# developers.openai.com, "Error codes": the SDKs choose their exception by the status, people and
# retry rules look at `type` and `code`.
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class _Detail(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str


class _Envelope(msgspec.Struct):
    error: _Detail


_encode = msgspec.json.encode


def encode_error(error: GatewayError) -> bytes:
    """Return the body of an error answer."""
    fallback = "invalid_request_error" if error.status < 500 else "server_error"
    return _encode(
        _Envelope(
            _Detail(
                message=error.message,
                type=_TYPES.get(error.status, fallback),
                param=error.param,
                code=error.kind,
            )
        )
    )


def encode_stream_error(error: GatewayError) -> bytes:
    """Return the event that ends a stream with an error; without a `[DONE]`, nobody takes it for whole."""
    return b"data: %b\n\n" % encode_error(error)
