"""Header fields as plain lists, and the two sets of names that never travel on unchanged.

Names are lower-case bytes, as the parser hands them over. Not a mapping: order and repetition are kept,
and lists of a dozen fields are searched faster than they are indexed.
"""

from typing import TypeAlias

__all__ = ["CREDENTIALS", "HOP_BY_HOP", "Headers", "connection_names", "get", "get_all"]

Headers: TypeAlias = list[tuple[bytes, bytes]]

# RFC 9110 section 7.6.1; `proxy-connection` is not standard and is sent all the same.
HOP_BY_HOP: frozenset[bytes] = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

# What proves who somebody is: never forwarded as it came (but for a declared pass-through), never logged.
CREDENTIALS: frozenset[bytes] = frozenset(
    {
        b"api-key",
        b"authorization",
        b"cookie",
        b"proxy-authorization",
        b"set-cookie",
        b"x-api-key",
        b"x-goog-api-key",
        b"x-llm-gateway-key",
    }
)


def get(headers: Headers, name: bytes) -> bytes | None:
    """Return the first value of the field, or None."""
    for field, value in headers:
        if field == name:
            return value
    return None


def get_all(headers: Headers, name: bytes) -> list[bytes]:
    """Return every value of the field, in order."""
    return [value for field, value in headers if field == name]


def connection_names(headers: Headers) -> frozenset[bytes]:
    """Return the lower-case names that the Connection field declares hop-by-hop."""
    named = [
        name.strip().lower()
        for field, value in headers
        if field == b"connection"
        for name in value.split(b",")
    ]
    return frozenset(name for name in named if name)
