"""Why an answer ended: the words of this dialect for it, read and written."""

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.loss import Losses

__all__ = ["read_finish", "write_finish"]

_READ: dict[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",  # Mistral
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_WRITTEN: dict[Finish, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "refusal": "content_filter",
    "content_filter": "content_filter",
    "stop_sequence": "stop",
    "pause": "stop",
    "other": "stop",
}


def read_finish(native: str, stop: object, *, called: bool, refused: bool) -> tuple[Finish, str]:
    """Return the reason behind a `finish_reason`, and the stop sequence where one is told.

    `stop` is the member `stop_reason` of vLLM, which names the sequence. Servers that end calls of tools
    with `stop` exist; a refusal has no word of its own.
    """
    reason = _READ.get(native, "other") if native else "stop"
    if reason != "stop":
        return reason, ""
    if called:
        return "tool_calls", ""
    if refused:
        return "refusal", ""
    if isinstance(stop, str) and stop:
        return "stop_sequence", stop
    return "stop", ""


def write_finish(reason: Finish, *, called: bool, refused: bool, losses: Losses) -> str:
    """Return the `finish_reason` of an answer."""
    if reason == "pause":
        losses.add("response.pause", "an answer that wants to be sent back to go on cannot say so")
    if reason == "other" and not called:
        losses.add("response.finish_reason", "it ended for a reason that has no word here")
    if refused and reason == "refusal":  # the refusal itself says it
        return "stop"
    if called and reason in ("stop", "other"):
        return "tool_calls"
    return _WRITTEN[reason]
