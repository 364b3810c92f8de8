"""Answers of Anthropic's Messages, and of servers that speak it."""

from llm_gateway.canonical.usage import Special, Usage
from recorded.case import Case, data, event

__all__ = ["CASES"]

_HEAD = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}


def _whole(usage: object) -> bytes:
    content = [{"type": "text", "text": "Guten Tag."}]
    return data(
        _HEAD | {"content": content, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
    )


def _start(usage: object) -> bytes:
    message = _HEAD | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    return event({"type": "message_start", "message": message}, "message_start")


_OPEN = event(
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    "content_block_start",
)
_SAID = event(
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Guten Tag."}},
    "content_block_delta",
)
_CLOSE = event({"type": "content_block_stop", "index": 0}, "content_block_stop")
_STOP = event({"type": "message_stop"}, "message_stop")


def _delta(usage: object) -> bytes:
    stopped = {"stop_reason": "end_turn", "stop_sequence": None}
    return event({"type": "message_delta", "delta": stopped, "usage": usage}, "message_delta")


def _stream(start: object, end: object) -> bytes:
    return _start(start) + _OPEN + _SAID + _CLOSE + _delta(end) + _STOP


_CACHED = {
    "input_tokens": 21,
    "cache_creation_input_tokens": 188_086,
    "cache_read_input_tokens": 2_051,
    "cache_creation": {"ephemeral_5m_input_tokens": 148_086, "ephemeral_1h_input_tokens": 40_000},
    "output_tokens": 393,
    "service_tier": "standard",
}

CASES = (
    Case("plain", "Anthropic", _whole({"input_tokens": 12, "output_tokens": 7}), Usage(12, output=7)),
    # Cached tokens stand beside the 21: 21 + 2051 + 188086 = 190158 went in. 40000 of what was written are
    # kept for an hour, 148086 for five minutes.
    Case(
        "caches-of-both-lifetimes",
        "Anthropic",
        _whole(_CACHED),
        Usage(21, 2_051, 188_086, 393, cache_write_1h=40_000),
    ),
    # Nothing but an hour's cache.
    Case(
        "cache-of-an-hour",
        "Anthropic",
        _whole(
            {
                "input_tokens": 3,
                "cache_creation_input_tokens": 456,
                "cache_read_input_tokens": 0,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 456},
                "output_tokens": 9,
            }
        ),
        Usage(3, 0, 456, 9, cache_write_1h=456),
    ),
    # 500 out, of them 420 thought.
    Case(
        "thought",
        "Anthropic",
        _whole(
            {
                "input_tokens": 30,
                "output_tokens": 500,
                "output_tokens_details": {"thinking_tokens": 420},
            }
        ),
        Usage(30, output=500, reasoning=420),
    ),
    # Three searches; fetches cost nothing beyond their tokens.
    Case(
        "searched",
        "Anthropic",
        _whole(
            {
                "input_tokens": 105,
                "output_tokens": 6039,
                "cache_read_input_tokens": 7123,
                "cache_creation_input_tokens": 7345,
                "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 4},
            }
        ),
        Usage(105, 7123, 7345, 6039, special=Special(searches=3)),
    ),
    Case(
        "priority",
        "Anthropic",
        _whole({"input_tokens": 12, "output_tokens": 7, "service_tier": "priority"}),
        Usage(12, output=7),
        tier="priority",
    ),
    Case(
        "fast",
        "Anthropic",
        _whole({"input_tokens": 12, "output_tokens": 7, "service_tier": "standard", "speed": "fast"}),
        Usage(12, output=7),
        tier="fast",
    ),
    Case(
        "of-a-batch",
        "Anthropic, a line of a batch's results",
        _whole({"input_tokens": 12, "output_tokens": 7, "service_tier": "batch"}),
        Usage(12, output=7),
        tier="batch",
    ),
    # On top: 23 + 100 in and 7 out. Beside: a compaction of 1000 + 5 (of it 200 written for an hour and 100
    # read): 23 + 1000 = 1023, 100 + 100 = 200, 200, 7 + 5 = 12.
    Case(
        "compacted",
        "Anthropic",
        _whole(
            {
                "input_tokens": 23,
                "cache_read_input_tokens": 100,
                "cache_creation_input_tokens": 0,
                "output_tokens": 7,
                "iterations": [
                    {
                        "type": "compaction",
                        "input_tokens": 1000,
                        "cache_read_input_tokens": 100,
                        "cache_creation_input_tokens": 200,
                        "cache_creation": {"ephemeral_1h_input_tokens": 200},
                        "output_tokens": 5,
                    },
                    {"type": "message", "input_tokens": 23, "output_tokens": 7},
                ],
            }
        ),
        Usage(1023, 200, 200, 12, cache_write_1h=200),
    ),
    Case("no-usage", "a server of its own", _whole({}), None),
    # The delta is cumulative: 15 out, not 1 + 15.
    Case(
        "stream",
        "Anthropic",
        _stream(
            {
                "input_tokens": 25,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 1,
            },
            {"output_tokens": 15},
        ),
        Usage(25, output=15),
        stream=True,
    ),
    # What is kept for how long is told at the beginning alone.
    Case(
        "stream-caches",
        "Anthropic",
        _stream(_CACHED | {"output_tokens": 4}, {"output_tokens": 393}),
        Usage(21, 2_051, 188_086, 393, cache_write_1h=40_000),
        stream=True,
    ),
    # Tools of its own: more went in than at the beginning, and searches are told at the end.
    Case(
        "stream-searched",
        "Anthropic",
        _stream(
            {
                "input_tokens": 2679,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 3,
            },
            {
                "input_tokens": 10682,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 510,
                "server_tool_use": {"web_search_requests": 1},
            },
        ),
        Usage(10_682, output=510, special=Special(searches=1)),
        stream=True,
    ),
    # All of what was written at first is for an hour; so is what is written later: 456 + 44 = 500.
    Case(
        "stream-more-written",
        "Anthropic",
        _stream(
            {
                "input_tokens": 3,
                "cache_creation_input_tokens": 456,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 456},
                "output_tokens": 1,
            },
            {"input_tokens": 3, "cache_creation_input_tokens": 500, "output_tokens": 9},
        ),
        Usage(3, 0, 500, 9, cache_write_1h=500),
        stream=True,
    ),
    # Zeros at the beginning, counts at the end.
    Case(
        "stream-counted-at-the-end",
        "Moonshot, Zhipu",
        _stream(
            {"input_tokens": 0, "output_tokens": 0},
            {"input_tokens": 40, "cache_read_input_tokens": 60, "output_tokens": 5},
        ),
        Usage(40, 60, 0, 5),
        stream=True,
    ),
    Case(
        "stream-cut-after-the-start",
        "Anthropic",
        _start(_CACHED | {"output_tokens": 4}),
        Usage(21, 2_051, 188_086, 4, cache_write_1h=40_000),
        stream=True,
        whole=False,
    ),
    Case(
        "stream-cut-midway",
        "Anthropic",
        _start(_CACHED | {"output_tokens": 4, "service_tier": "priority"}) + _OPEN + _SAID,
        Usage(21, 2_051, 188_086, 4, cache_write_1h=40_000),
        tier="priority",
        stream=True,
        whole=False,
    ),
)
