"""Usage as an answer of this dialect tells it. How it is read, whoever wrote it: `tally.py`."""

import msgspec

from llm_gateway.canonical.usage import Usage

__all__ = ["Told", "ToldLast", "told", "told_last"]


class _Kept(msgspec.Struct, gc=False):
    ephemeral_5m_input_tokens: int
    ephemeral_1h_input_tokens: int


class _Output(msgspec.Struct, gc=False):
    thinking_tokens: int


class _Searched(msgspec.Struct, gc=False):
    web_search_requests: int
    web_fetch_requests: int = 0


class Told(msgspec.Struct, gc=False):
    """The `usage` of a message, whole: cached tokens are not a part of `input_tokens`."""

    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    cache_creation: _Kept
    output_tokens: int
    output_tokens_details: _Output
    server_tool_use: _Searched | None = None
    service_tier: None = None
    inference_geo: None = None


class ToldLast(msgspec.Struct, gc=False):
    """The `usage` of a `message_delta`: what SDKs put over that of the `message_start`."""

    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int
    output_tokens_details: _Output
    server_tool_use: _Searched | None = None


_NOTHING = Usage()


def told(usage: Usage | None) -> Told:
    """Return usage as a message tells it; zeros where nobody counted, because clients demand numbers."""
    usage = usage or _NOTHING
    return Told(
        usage.uncached,
        usage.cache_write,
        usage.cache_read,
        _Kept(usage.cache_write - usage.cache_write_1h, usage.cache_write_1h),
        usage.output,
        _Output(usage.reasoning),
        _searched(usage),
    )


def told_last(usage: Usage | None) -> ToldLast:
    """Return usage as the end of a stream tells it."""
    usage = usage or _NOTHING
    return ToldLast(
        usage.uncached,
        usage.cache_write,
        usage.cache_read,
        usage.output,
        _Output(usage.reasoning),
        _searched(usage),
    )


def _searched(usage: Usage) -> _Searched | None:
    special = usage.special
    return _Searched(special.searches) if special is not None and special.searches else None
