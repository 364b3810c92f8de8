"""What a count comes to at a provider, which adds to each message and tool, and has another tokenizer.

What is assumed before anything is learned of a model (`calibration.py`). OpenAI tells its additions for
messages (its cookbook, "How to count tokens with tiktoken": 3 each, 1 for the role, 3 for the answer's
beginning) and Anthropic the size of what it says about tools (its page on tool use: 346 tokens for the models
of 2025). The rest, and the errors, are medians over some thousand recorded requests whose usage is known
(tests/fixtures/counted).
"""

import re
from functools import lru_cache

import msgspec

from llm_gateway.compression.frames import Count

__all__ = ["MEDIA_TOKENS", "Weights", "weights_of"]

MEDIA_TOKENS = 800
"""What a picture, a sound or a file is taken for: they are between 85 and several thousand."""


class Weights(msgspec.Struct, frozen=True):
    """How a family of models counts, in tokens.

    `text`, `tool_words` and `form_words` are for each token of ours, `tools` and `form` for a request that
    has any. `error` is in thousandths, and in tokens beside that: within both together nine of ten recorded
    requests were.
    """

    models: str
    text: float
    message: float
    call: float
    tool_words: float
    tool: float
    tools: float
    form_words: float
    form: float
    request: float
    error: tuple[int, int]

    def tokens(self, count: Count) -> float | None:
        """Return what of a request is text, None where its tokens were not counted."""
        if count.text is None or count.tool_words is None or count.form_words is None:
            return None
        return (
            count.text * self.text
            + count.messages * self.message
            + count.calls * self.call
            + count.tool_words * self.tool_words
            + count.tools * self.tool
            + (self.tools if count.tools else 0)
            + count.form_words * self.form_words
            + (self.form if count.forms else 0)
            + self.request
        )


_FAMILIES = (
    # The tokenizer of Claude Opus 4.7, Sonnet 5 and later makes about 30 % more of the same text (Anthropic's
    # page on token counting).
    Weights(
        r"claude-(opus-4[-.][7-9]|[a-z]+-[5-9])|fable|mythos", 1.41, 2, 47, 1.8, 40, 280, 1, 150, 6, (250, 80)
    ),
    Weights(r"claude", 1.1, 3, 45, 1.35, 28, 490, 0.9, 150, 7, (250, 80)),
    Weights(r"gemini|gemma", 1.12, 1, 5, 1.5, 3, 15, 0, 0, 0, (250, 80)),
    Weights(r"gpt-oss", 1.03, 4, 7, 1.2, 10, 30, 1, 10, 65, (250, 80)),
    Weights(r"gpt|\bo[134]\b|chatgpt|codex", 1, 4, 8, 1.15, 2, 15, 0.65, 18, 3, (200, 80)),
    Weights(r"", 1.05, 5, 10, 1.5, 15, 60, 1, 10, 5, (400, 600)),
)


@lru_cache(1000)
def weights_of(model: str) -> Weights:
    """Return the weights of the family that a model is of, by its name."""
    name = model.lower()
    return next(family for family in _FAMILIES if re.search(family.models, name))
