"""The vocabulary in the package is OpenAI's, to the byte, and it is cut as OpenAI's is."""

import base64
import hashlib

from llm_gateway.compression.vocabulary import PATTERN, vocabulary

# What tiktoken asks of the file that it downloads (`tiktoken_ext/openai_public.py`).
SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


def test_written_out_it_is_the_file_that_tiktoken_names() -> None:
    lines = (b"%b %d\n" % (base64.b64encode(token), rank) for token, rank in vocabulary().items())
    assert hashlib.sha256(b"".join(lines)).hexdigest() == SHA256


def test_the_pattern_is_tiktokens() -> None:
    # Of the function that would also download the file, the constants alone.
    public = __import__("tiktoken_ext.openai_public", fromlist=["o200k_base"])
    told = [constant for constant in public.o200k_base.__code__.co_consts if isinstance(constant, tuple)]
    pieces = [piece for constant in told for piece in constant if isinstance(piece, str)]
    assert pieces
    assert "|".join(piece for piece in pieces if "\\" in piece) == PATTERN
