"""Answers of Ollama, and of what speaks as it does."""

from llm_gateway.canonical.usage import Usage
from recorded.case import Case, data, lines

__all__ = ["CASES"]

_HEAD = {"model": "m", "created_at": "2026-01-01T00:00:00Z"}


def _end(**counts: int) -> dict[str, object]:
    return _HEAD | {
        "message": {"role": "assistant", "content": "Guten Tag."},
        "done": True,
        "done_reason": "stop",
        "total_duration": 5,
        "load_duration": 1,
        "prompt_eval_duration": 1,
        "eval_duration": 3,
        **counts,
    }


_SAID = _HEAD | {"message": {"role": "assistant", "content": "Guten "}, "done": False}

CASES = (
    Case("plain", "Ollama", data(_end(prompt_eval_count=26, eval_count=298)), Usage(26, output=298)),
    # 900 in, 850 of them in the engine's cache.
    Case(
        "cached",
        "Ollama",
        data(_end(prompt_eval_count=900, prompt_eval_cached_count=850, eval_count=4)),
        Usage(50, 850, 0, 4),
    ),
    # An older version, all of whose prompt was cached, counts what it evaluated: nothing.
    Case("cached-and-not-counted", "Ollama 0.1", data(_end(eval_count=9)), Usage(output=9)),
    Case("no-usage", "a server that speaks it", data(_end()), None),
    Case(
        "stream",
        "Ollama",
        lines(_SAID, _end(prompt_eval_count=26, prompt_eval_cached_count=0, eval_count=298)),
        Usage(26, output=298),
        stream=True,
    ),
    Case("stream-cut-midway", "Ollama", lines(_SAID), None, stream=True, whole=False),
)
