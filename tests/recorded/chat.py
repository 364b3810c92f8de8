"""Answers of the many servers that speak Chat Completions."""

from llm_gateway.canonical.usage import Special, Usage
from recorded.case import Case, data, event

__all__ = ["CASES"]

_DONE = b"data: [DONE]\n\n"


def _whole(usage: object, **more: object) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "Guten Tag."},
        "finish_reason": "stop",
        "logprobs": None,
    }
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        **more,
    }
    return data(body if usage is None else body | {"usage": usage})


_ENVELOPE = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def _chunk(delta: object = None, finish: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "finish_reason": finish} | ({} if delta is None else {"delta": delta})
    return event(_ENVELOPE | {"choices": [choice]} | more)


def _last(usage: object, **more: object) -> bytes:
    """Return the chunk of its own in which usage is told where it is asked for."""
    return event(_ENVELOPE | more | {"choices": [], "usage": usage})


_SAID = _chunk({"role": "assistant", "content": "Guten "}) + _chunk({"content": "Tag."})
_PLAIN = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}

CASES = (
    # 12 in, 7 out.
    Case("plain", "OpenAI", _whole(_PLAIN), Usage(12, output=7)),
    # 2006 in, of them 1920 cached: 2006 - 1920 = 86 new. 300 out, of them 128 thought.
    Case(
        "cached-and-thought",
        "OpenAI",
        _whole(
            {
                "prompt_tokens": 2006,
                "completion_tokens": 300,
                "total_tokens": 2306,
                "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
                "completion_tokens_details": {
                    "reasoning_tokens": 128,
                    "audio_tokens": 0,
                    "accepted_prediction_tokens": 20,
                    "rejected_prediction_tokens": 30,
                },
            },
            service_tier="default",
        ),
        # Rejected predictions are in the 300 already.
        Usage(86, 1920, 0, 300, 128),
    ),
    # 5000 in: 3000 read, 1500 written, 5000 - 3000 - 1500 = 500 new.
    Case(
        "cache-written",
        "OpenAI",
        _whole(
            {
                "prompt_tokens": 5000,
                "completion_tokens": 10,
                "total_tokens": 5010,
                "prompt_tokens_details": {"cached_tokens": 3000, "cache_write_tokens": 1500},
            },
            service_tier="flex",
        ),
        Usage(500, 3000, 1500, 10),
        tier="flex",
    ),
    # Sound: 1200 in, 1000 of them sound; nothing cached. 340 out, 300 of them sound.
    Case(
        "sound",
        "OpenAI",
        _whole(
            {
                "prompt_tokens": 1200,
                "completion_tokens": 340,
                "total_tokens": 1540,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 1000, "text_tokens": 200},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 300, "text_tokens": 40},
            }
        ),
        Usage(1200, output=340, special=Special(audio_in=1000, audio_out=300)),
    ),
    # 1000 in, 900 cached, 300 sound: 100 new at most are sound, so the other 200 came from the cache.
    Case(
        "sound-from-a-cache",
        "OpenAI",
        _whole(
            {
                "prompt_tokens": 1000,
                "completion_tokens": 5,
                "total_tokens": 1005,
                "prompt_tokens_details": {"cached_tokens": 900, "audio_tokens": 300},
            }
        ),
        Usage(100, 900, output=5, special=Special(audio_in=100, audio_read=200)),
    ),
    # A picture made: 1290 + 10 out. 300 in, 258 of them a picture.
    Case(
        "pictures",
        "OpenRouter",
        _whole(
            {
                "prompt_tokens": 300,
                "completion_tokens": 1300,
                "total_tokens": 1600,
                "cost": 0.038,
                "prompt_tokens_details": {"cached_tokens": 0, "image_tokens": 258},
                "completion_tokens_details": {"reasoning_tokens": 0, "image_tokens": 1290},
            }
        ),
        Usage(300, output=1300, special=Special(image_in=258, image_out=1290)),
    ),
    # Two searches of the provider's own.
    Case(
        "searched",
        "OpenRouter",
        _whole(_PLAIN | {"server_tool_use": {"web_search_requests": 2}}),
        Usage(12, output=7, special=Special(searches=2)),
    ),
    # xAI tells reasoning beside: 32 + 9 + 90 = 131, so 9 + 90 = 99 out. 2 + 1 searches.
    Case(
        "reasoning-beside",
        "xAI",
        _whole(
            {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 131,
                "prompt_tokens_details": {"cached_tokens": 6, "text_tokens": 32},
                "completion_tokens_details": {"reasoning_tokens": 90},
                "server_side_tool_usage_details": {"web_search_calls": 2, "x_search_calls": 1},
                "cost_in_usd_ticks": 37756000,
            }
        ),
        Usage(26, 6, 0, 99, 90, special=Special(searches=3)),
    ),
    # Hit 50 and miss 50 are the 100.
    Case(
        "cache-hits-and-misses",
        "DeepSeek",
        _whole(
            {
                "prompt_tokens": 100,
                "completion_tokens": 20,
                "total_tokens": 120,
                "prompt_cache_hit_tokens": 50,
                "prompt_cache_miss_tokens": 50,
            }
        ),
        Usage(50, 50, 0, 20),
    ),
    # Anthropic's cache behind a gateway that speaks Chat: 5000 - 4000 - 600 = 400, and 200 of the 600 are
    # kept for an hour.
    Case(
        "anthropic-behind-a-gateway",
        "LiteLLM",
        _whole(
            {
                "prompt_tokens": 5000,
                "completion_tokens": 20,
                "total_tokens": 5020,
                "prompt_tokens_details": {
                    "cached_tokens": 4000,
                    "cache_creation_tokens": 600,
                    "cache_creation_token_details": {
                        "ephemeral_5m_input_tokens": 400,
                        "ephemeral_1h_input_tokens": 200,
                    },
                },
                "cache_read_input_tokens": 4000,
                "cache_creation_input_tokens": 600,
            }
        ),
        Usage(400, 4000, 600, 20, cache_write_1h=200),
    ),
    # 9 in would be less than the 4000 cached: they stand beside, and 9 + 5 + 4000 = 4014 says so.
    Case(
        "cached-beside",
        "a gateway that hands on Anthropic's counts",
        _whole(
            {
                "prompt_tokens": 9,
                "completion_tokens": 5,
                "total_tokens": 4014,
                "prompt_tokens_details": {"cached_tokens": 4000},
            }
        ),
        Usage(9, 4000, 0, 5),
    ),
    # 237 in = 236 from its own cache + 1 processed.
    Case(
        "timings-beside-usage",
        "llama.cpp",
        _whole(
            {"prompt_tokens": 237, "completion_tokens": 35, "total_tokens": 272},
            timings={"cache_n": 236, "prompt_n": 1, "prompt_ms": 30.9, "predicted_n": 35},
        ),
        Usage(1, 236, 0, 35),
    ),
    # The same without a usage.
    Case(
        "timings-alone",
        "llama.cpp",
        _whole(None, timings={"cache_n": 236, "prompt_n": 1, "predicted_n": 35}),
        Usage(1, 236, 0, 35),
    ),
    Case("no-usage", "an older server", _whole(None), None),
    Case(
        "counts-nothing",
        "an older server",
        _whole({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
        None,
    ),
    # Streams. Asked for: a chunk of its own after the finish, `usage: null` before.
    Case(
        "stream-usage-asked",
        "OpenAI",
        _chunk({"role": "assistant", "content": "Guten Tag."}, usage=None, service_tier="priority")
        + _chunk({}, "stop", usage=None, service_tier="priority")
        + _last(_PLAIN, service_tier="priority")
        + _DONE,
        Usage(12, output=7),
        tier="priority",
        stream=True,
    ),
    # The usage comes after the finish, beside an empty delta (agentjido/req_llm 781).
    Case(
        "stream-usage-after-the-finish",
        "Azure behind LiteLLM",
        _SAID + _chunk({}, "stop") + _chunk({}, usage=_PLAIN) + _DONE,
        Usage(12, output=7),
        stream=True,
    ),
    # The last chunk has no delta (agentgateway pull request 3455): 37031 - 34496 = 2535.
    Case(
        "stream-last-without-delta",
        "Zhipu",
        _SAID
        + _chunk(
            None,
            "stop",
            usage={
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "cache_read_tokens": 34496,
                "cache_write_tokens": 0,
                "completion_tokens": 44,
                "prompt_tokens": 37031,
                "prompt_tokens_details": {"cached_tokens": 34496},
                "total_tokens": 37075,
            },
        )
        + _DONE,
        Usage(2535, 34496, 0, 44),
        stream=True,
    ),
    # An empty delta beside the usage, never a finish beside it: 287 - 256 = 31.
    Case(
        "stream-usage-beside-an-empty-delta",
        "Agnes",
        _SAID
        + _chunk({}, "stop")
        + _chunk(
            {},
            usage={
                "completion_tokens": 8,
                "prompt_tokens": 287,
                "total_tokens": 295,
                "prompt_tokens_details": {"cached_tokens": 256},
            },
        )
        + _DONE,
        Usage(31, 256, 0, 8),
        stream=True,
    ),
    # A part of a usage on the way (theopenco/llmgateway pull request 2861) says nothing.
    Case(
        "stream-part-of-a-usage",
        "SGLang",
        _chunk({"content": "Guten Tag."}, usage={"prompt_tokens_details": {"cached_tokens": 0}})
        + _chunk({}, "stop")
        + _last(_PLAIN)
        + _DONE,
        Usage(12, output=7),
        stream=True,
    ),
    # Usage in every chunk: the last one counts.
    Case(
        "stream-usage-all-along",
        "vLLM, SiliconFlow",
        _chunk({"content": "Guten "}, usage=_PLAIN | {"completion_tokens": 3, "total_tokens": 15})
        + _chunk({"content": "Tag."}, usage=_PLAIN | {"completion_tokens": 5, "total_tokens": 17})
        + _chunk({}, "stop", usage=_PLAIN)
        + _DONE,
        Usage(12, output=7),
        stream=True,
    ),
    # In the choice: 19 - 12 = 7 out; 5 of 12 cached.
    Case(
        "stream-usage-in-the-choice",
        "Moonshot",
        _SAID
        + event(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "m",
                "choices": [
                    {"index": 0, "delta": {}, "finish_reason": "stop", "usage": _PLAIN | {"cached_tokens": 5}}
                ],
            }
        )
        + _DONE,
        Usage(7, 5, 0, 7),
        stream=True,
    ),
    Case(
        "stream-usage-of-groq",
        "Groq",
        _chunk({"content": "Guten Tag."}, x_groq={"id": "req_1"})
        + _chunk({}, "stop", x_groq={"id": "req_1", "usage": _PLAIN | {"queue_time": 0.1}})
        + _DONE,
        Usage(12, output=7),
        stream=True,
    ),
    Case(
        "stream-timings",
        "llama.cpp",
        _SAID + _chunk({}, "stop", timings={"cache_n": 0, "prompt_n": 12, "predicted_n": 7}) + _DONE,
        Usage(12, output=7),
        stream=True,
    ),
    Case("stream-no-usage", "an older server", _SAID + _chunk({}, "stop") + _DONE, None, stream=True),
    # Broken off: what it had told so far is all there is.
    Case(
        "stream-cut-with-usage",
        "vLLM",
        _chunk({"content": "Guten "}, usage=_PLAIN | {"completion_tokens": 3, "total_tokens": 15}),
        Usage(12, output=3),
        stream=True,
        whole=False,
    ),
    Case("stream-cut-without-usage", "OpenAI", _SAID, None, stream=True, whole=False),
)
