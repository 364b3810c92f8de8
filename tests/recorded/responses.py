"""Answers of OpenAI's Responses, and of servers that speak it."""

from llm_gateway.canonical.usage import Special, Usage
from recorded.case import Case, data, event

__all__ = ["CASES"]

_TEXT = {
    "id": "msg_1",
    "type": "message",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Guten Tag.", "annotations": []}],
}
_PLAIN = {
    "input_tokens": 8,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 6,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 14,
}


def _answer(usage: object, status: str = "completed", **more: object) -> dict[str, object]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "m",
        "output": [_TEXT],
        "usage": usage,
        **more,
    }


def _searched(kind: str) -> dict[str, object]:
    return {"id": f"ws_{kind}", "type": "web_search_call", "status": "completed", "action": {"type": kind}}


def _event(kind: str, **members: object) -> bytes:
    return event({"type": kind, **members}, kind)


_BEGUN = _event(
    "response.created",
    sequence_number=0,
    response=_answer(None, "in_progress", output=[], service_tier="auto"),
)
_SAID = (
    _event(
        "response.output_item.added",
        output_index=0,
        item=_TEXT | {"status": "in_progress", "content": []},
    )
    + _event("response.output_text.delta", output_index=0, content_index=0, delta="Guten Tag.")
    + _event("response.output_item.done", output_index=0, item=_TEXT)
)


def _stream(end: str, answer: object) -> bytes:
    return _BEGUN + _SAID + _event(f"response.{end}", sequence_number=9, response=answer)


CASES = (
    # 8 in, 6 out, and not streamed (obot-platform/obot 7488).
    Case("plain", "OpenAI", data(_answer(_PLAIN)), Usage(8, output=6)),
    # 4000 in: 3000 read, 900 written, 100 new. 700 out, 640 of them thought.
    Case(
        "cached-and-thought",
        "OpenAI",
        data(
            _answer(
                {
                    "input_tokens": 4000,
                    "input_tokens_details": {
                        "cached_tokens": 3000,
                        "cache_write_tokens": 900,
                        "cache_write_tokens_details": {"ttl_30m_tokens": 0, "ttl_12h_tokens": 900},
                    },
                    "output_tokens": 700,
                    "output_tokens_details": {"reasoning_tokens": 640},
                    "total_tokens": 4700,
                },
                service_tier="default",
            )
        ),
        # Twelve hours cost what thirty minutes do: nothing of it is `cache_write_1h`.
        Usage(100, 3000, 900, 700, 640),
    ),
    # Billed: two searches, as the provider counts them, whatever the calls say. A picture: 50 + 5000.
    # 8 + 50 = 58 in, 6 + 5000 = 5006 out.
    Case(
        "hosted-tools",
        "OpenAI",
        data(
            _answer(
                _PLAIN,
                output=[_searched("search"), _searched("search"), _searched("search"), _TEXT],
                tool_usage={
                    "web_search": {"num_requests": 2},
                    "image_gen": {
                        "input_tokens": 50,
                        "input_tokens_details": {"image_tokens": 0, "text_tokens": 50},
                        "output_tokens": 5000,
                        "total_tokens": 5050,
                    },
                },
                service_tier="flex",
            )
        ),
        Usage(58, output=5006, special=Special(image_out=5000, searches=2)),
        tier="flex",
    ),
    # Nobody counts the searches: one call is a search, the other opens a page.
    Case(
        "searches-by-their-calls",
        "Azure",
        data(_answer(_PLAIN, output=[_searched("search"), _searched("open_page"), _TEXT])),
        Usage(8, output=6, special=Special(searches=1)),
    ),
    # Reasoning beside: 8 + 6 + 40 = 54, so 46 out.
    Case(
        "reasoning-beside",
        "xAI",
        data(
            _answer(
                _PLAIN
                | {"output_tokens_details": {"reasoning_tokens": 40}, "total_tokens": 54}
                | {"server_side_tool_usage_details": {"web_search_calls": 1, "x_search_calls": 0}}
            )
        ),
        Usage(8, output=46, reasoning=40, special=Special(searches=1)),
    ),
    Case("no-usage", "a server of its own", data(_answer(None)), None),
    Case(
        "stream",
        "OpenAI",
        _stream("completed", _answer(_PLAIN, service_tier="priority")),
        Usage(8, output=6),
        tier="priority",
        stream=True,
    ),
    # It ran out of room: what was used stands in the event that says so (BerriAI/litellm 34351).
    Case(
        "stream-incomplete",
        "Azure",
        _stream(
            "incomplete",
            _answer(
                _PLAIN
                | {
                    "output_tokens": 1024,
                    "output_tokens_details": {"reasoning_tokens": 417},
                    "total_tokens": 1032,
                },
                "incomplete",
                incomplete_details={"reason": "max_output_tokens"},
            ),
        ),
        Usage(8, output=1024, reasoning=417),
        stream=True,
    ),
    Case("stream-cut-midway", "OpenAI", _BEGUN + _SAID, None, stream=True, whole=False),
)
