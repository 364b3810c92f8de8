"""Which header fields pass through the gateway, in either direction.

Unknown fields pass. What belongs to one connection, what is secret, and what describes bytes that the
gateway may have changed does not. Values were checked by the parser: no line ending is in them.
"""

from llm_gateway.wire.headers import CREDENTIALS, HOP_BY_HOP, Headers, connection_names

__all__ = ["forwarded", "neutral", "returned", "returned_translated"]

# The body leaves decoded and with its own length; the answer is asked for plain, so that its usage
# can be read; what browsers and cookie jars add is between the client and us.
_NOT_UPSTREAM = (
    HOP_BY_HOP
    | CREDENTIALS
    | {
        b"host",
        b"content-length",
        b"content-encoding",
        b"accept-encoding",
        b"expect",
        b"cookie",
        b"origin",
        b"referer",
        b"sec-fetch-site",
        b"sec-fetch-mode",
        b"sec-fetch-dest",
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-real-ip",
    }
)

# Cookies and transport promises of an upstream are not ours to make.
_NOT_DOWNSTREAM = HOP_BY_HOP | {
    b"content-length",
    b"set-cookie",
    b"alt-svc",
    b"strict-transport-security",
}

# What describes a body that is written anew, and the names by which the other dialect's clients ask.
_NOT_TRANSLATED = _NOT_DOWNSTREAM | {
    b"content-type",
    b"content-encoding",
    b"x-request-id",
    b"request-id",
    b"anthropic-organization-id",
    b"openai-organization",
    b"openai-version",
}

# What means the same to every upstream: who asks, and the trace that it belongs to.
_NEUTRAL = frozenset((b"user-agent", b"traceparent", b"tracestate", b"baggage"))

# What is said between a client and one gateway; the next one may be an upstream of ours.
_OURS = b"x-llm-gateway-"

_USUAL_CONNECTION = frozenset((b"keep-alive", b"close", b"upgrade", b"te"))


def forwarded(headers: Headers) -> bytes:
    """Return the header lines of a client's request that go to the upstream."""
    return _lines(headers, _NOT_UPSTREAM)


def returned(headers: Headers, *, own: bool = False) -> bytes:
    """Return the header lines of an answer that go to the client; `own`: it was made by an engine of ours."""
    if own:
        return b"".join([b"%b: %b\r\n" % field for field in headers if field[0] not in _NOT_DOWNSTREAM])
    return _lines(headers, _NOT_DOWNSTREAM)


def returned_translated(headers: Headers) -> bytes:
    """Return the header lines of an answer that go to a client of another dialect."""
    return _lines(headers, _NOT_TRANSLATED)


def neutral(headers: Headers) -> bytes:
    """Return the header lines of a client's request that go to an upstream of another dialect."""
    return b"".join([b"%b: %b\r\n" % field for field in headers if field[0] in _NEUTRAL])


def _lines(headers: Headers, dropped: frozenset[bytes]) -> bytes:
    lines: list[bytes] = []
    for name, value in headers:
        if name in dropped:
            if name == b"connection" and value.lower() not in _USUAL_CONNECTION:
                return _without_named(headers, dropped)
        elif not name.startswith(_OURS):
            lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines)


def _without_named(headers: Headers, dropped: frozenset[bytes]) -> bytes:
    """Leave out the fields that Connection names, too (RFC 9110, 7.6.1)."""
    gone = dropped | connection_names(headers)
    kept = [field for field in headers if field[0] not in gone and not field[0].startswith(_OURS)]
    return b"".join([b"%b: %b\r\n" % field for field in kept])
