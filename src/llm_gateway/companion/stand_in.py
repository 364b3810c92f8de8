"""Who answers on a desktop while the gateway is away: a local engine that speaks the client's own dialect.

Nothing is translated, and no key goes there. Whether anybody may stand in is the configuration's decision;
that such an answer is told of is the door's.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from llm_gateway.dialects.contract import Dialect
from llm_gateway.http.decoding import decode_body
from llm_gateway.http.exchange import Exchange
from llm_gateway.upstream.client import Line
from llm_gateway.upstream.forward import neutral
from llm_gateway.wire.headers import get
from llm_gateway.wire.jsonedit import Document, MalformedJson

__all__ = ["Asked", "StandIn", "choose"]

_VERSION = re.compile(r"/(?:(?:v1beta|v1|api)/)*")
_GEMINI = re.compile(r"models/(?P<model>.+):(?P<verb>\w+)")
_MOST = 64 * 1024 * 1024
_name = msgspec.json.Decoder(str)


class StandIn(NamedTuple):
    """A local engine: the line to it in one dialect, and its models, the one to fall back on first."""

    line: Line
    models: tuple[str, ...] = ()


class Asked(NamedTuple):
    """A request made ready for a local engine."""

    line: Line
    head: bytes
    body: bytes
    model: str


def choose(stand_ins: Sequence[StandIn], exchange: Exchange, body: bytes, dialect: Dialect) -> Asked | None:
    """Return the request for the first engine that speaks its dialect, None where none does.

    A model that the engine does not have becomes its first one.
    """
    path, _, query = exchange.target.decode("ascii").partition("?")
    operation = _VERSION.sub("", path, count=1)
    if not operation or exchange.method not in (b"GET", b"POST"):
        return None
    for each in stand_ins:
        if each.line.endpoint.dialect == dialect.name:
            return _asked(each, exchange, body, f"{operation}?{query}" if query else operation)
    return None


def _asked(stand_in: StandIn, exchange: Exchange, body: bytes, operation: str) -> Asked:
    line, fields = stand_in.line, neutral(exchange.headers)
    if exchange.method == b"GET":
        return Asked(line, line.request(b"GET", operation, fields, 0), b"", "")
    coding = get(exchange.headers, b"content-encoding")
    plain = decode_body(body, coding, _MOST) if coding else body
    plain, model = _addressed(plain, stand_in.models)
    if found := _GEMINI.match(operation):  # there the path names the model
        model = _model(found["model"], stand_in.models)
        operation = f"models/{model}:{found['verb']}{operation[found.end() :]}"
    kind = get(exchange.headers, b"content-type") or b"application/json"
    fields += b"content-type: %b\r\n" % kind
    return Asked(line, line.post(operation, fields, len(plain)), plain, model)


def _addressed(body: bytes, models: tuple[str, ...]) -> tuple[bytes, str]:
    """Return a body that names a model of these, and the name; one that names none as it is."""
    try:
        document = Document.parse(body)
        asked = _name.decode(document.fields["model"])
    except (KeyError, MalformedJson, msgspec.DecodeError, UnicodeDecodeError):
        return body, ""
    model = _model(asked, models)
    return (body if model == asked else document.edit({"model": msgspec.json.encode(model)})), model


def _model(asked: str, models: tuple[str, ...]) -> str:
    """Return the engine's own name of a model, with or without its provider's, else its first."""
    for name in (asked, asked.partition("/")[2]):
        if name in models:
            return name
    return models[0] if models else asked
