"""Why an answer ended: the words of this dialect for it, read and written.

An answer that calls tools ends with STOP, like any other.
"""

from collections.abc import Mapping

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.loss import Losses

__all__ = ["read_finish", "write_finish"]

# ai.google.dev, "FinishReason". What is not here went wrong in another way: a call that is no call, an answer
# in a language that is not supported.
_READ: Mapping[str, Finish] = {
    "STOP": "stop",
    "FINISH_REASON_UNSPECIFIED": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
_WRITTEN: Mapping[Finish, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "refusal": "SAFETY",
    "content_filter": "SAFETY",
    "stop_sequence": "STOP",
    "pause": "STOP",
    "other": "OTHER",
}


def read_finish(native: str, *, called: bool, blocked: bool) -> Finish:
    """Return the reason behind a `finishReason`; `blocked`: it is why the prompt was not answered."""
    if blocked:
        return "content_filter"
    reason = _READ.get(native, "other") if native else "stop"
    return "tool_calls" if called and reason == "stop" else reason


def write_finish(reason: Finish, sequence: str, losses: Losses) -> str:
    """Return the `finishReason` of an answer."""
    if reason == "pause":
        losses.add("response.pause", "an answer that wants to be sent back to go on cannot say so")
    if sequence:
        losses.add("response.stop_sequence", "an answer does not say which sequence ended it")
    return _WRITTEN[reason]
