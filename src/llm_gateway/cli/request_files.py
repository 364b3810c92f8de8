"""Files of requests that commands are given, and who counts their tokens."""

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

from llm_gateway.canonical.usage import estimate_tokens
from llm_gateway.cli.output import FAILED, Stop
from llm_gateway.compression.files import Filed, filed

__all__ = ["counter", "requests_in"]

_WHAT = (
    "hint: a file holds the body of a request, one a line as `llm-gateway content export` writes them, or the"
    " text that a tool has printed; an application's own record of a session is none of these"
)


def requests_in(file: str, tool: str, dialect: str) -> list[Filed]:
    """Return the requests of a file; what cannot be read ends the command."""
    try:
        return filed(Path(file).read_bytes(), tool, dialect)
    except OSError as error:
        raise Stop(FAILED, f"error: {file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Stop(FAILED, f"error: {file}: {error}\n{_WHAT}") from None


def counter() -> tuple[Callable[[str], int], str]:
    """Return what counts tokens, and what that is called."""
    if importlib.util.find_spec("tiktoken") is None:
        return lambda text: estimate_tokens(len(text.encode("utf-8", "replace"))), "bytes"
    load: Callable[[], Callable[[str], int]] = importlib.import_module(
        "llm_gateway.compression.tokenizer"
    ).load
    return load(), "o200k"
