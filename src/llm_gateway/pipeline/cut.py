"""What was used where an answer did not come to its end: what its provider had told, and a guess of the rest.

Pure, and no tokenizer: a guess is made from bytes, and marked. Whether anything was used at all, and whose
attempt it was, is decided where a turn is closed.
"""

import msgspec

from llm_gateway.canonical.usage import Usage, estimate_tokens
from llm_gateway.dialects.contract import Seen

__all__ = ["used_in_vain", "used_when_cut"]

# No tokenizer's tokens have so many bytes on average. A count that says so is none of what has passed:
# Anthropic's message_start tells an output of a few tokens before there is any.
_MOST_BYTES = 16


def used_when_cut(seen: Seen, request_bytes: int) -> Usage:
    """Return what was used by an answer that broke off or that nobody waited for.

    What the provider had told counts. What passed after that, or was never told of, is estimated, so that the
    output is never less than what the client has. A count of the input that says nothing is estimated, too.
    """
    told = seen.usage
    if told is None:
        return _guessed(request_bytes, seen.content_bytes)
    counted = seen.content_bytes if seen.counted_bytes < 0 else seen.counted_bytes
    output = told.output + estimate_tokens(seen.content_bytes - counted)
    if not seen.finish_reason and told.output * _MOST_BYTES < counted:
        output = max(output, estimate_tokens(seen.content_bytes))
    if not told.input:
        told = msgspec.structs.replace(told, uncached=estimate_tokens(request_bytes), estimated=True)
    if output == told.output:
        return told
    return msgspec.structs.replace(told, output=output, estimated=True)


def used_in_vain(request_bytes: int) -> Usage:
    """Return what an attempt may be billed for whose request went out and which the client got nothing of."""
    return _guessed(request_bytes, 0)


def _guessed(request_bytes: int, content_bytes: int) -> Usage:
    return Usage(
        uncached=estimate_tokens(request_bytes), output=estimate_tokens(content_bytes), estimated=True
    )
