"""Counting with o200k_base, OpenAI's tokenizer, by tiktoken: for other vendors' models an approximation.

Loading it takes a quarter of a second that holds the interpreter, and some hundred megabytes: it is imported
by the counting program alone (`program.py`), never by the gateway.
"""

from collections.abc import Callable

import tiktoken

from llm_gateway.compression.vocabulary import PATTERN, vocabulary

__all__ = ["load"]

# tiktoken's pattern engine backtracks on a stack of its own: a megabyte of spaces overflows it, which ends in
# a panic. Cut into parts, a text has a few tokens more.
_PIECE = 20_000


def load() -> Callable[[str], int]:
    """Return the function that counts the tokens of a text."""
    encoding = tiktoken.Encoding(
        "o200k_base", pat_str=PATTERN, mergeable_ranks=vocabulary(), special_tokens={}
    )

    def count(text: str) -> int:
        if len(text) <= _PIECE:
            return len(encoding.encode_ordinary(text))
        parts = (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
        return sum(len(encoding.encode_ordinary(part)) for part in parts)

    return count
