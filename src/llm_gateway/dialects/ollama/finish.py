"""Why an answer ended: the words of this dialect for it, read and written."""

from collections.abc import Mapping

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.loss import Losses

__all__ = ["read_finish", "write_finish"]

# Ollama says `stop` and `length` (`llm/server.go`, DoneReason), also where the model called tools; one
# that was only loaded says `load`. What else stands here is of servers that speak like it.
_READ: Mapping[str, Finish] = {
    "": "stop",
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}
_WHY = "an answer ends by itself or at a limit"


def read_finish(native: str, *, called: bool) -> Finish:
    """Return the reason behind a `done_reason`."""
    reason = _READ.get(native, "other")
    return "tool_calls" if called and reason == "stop" else reason


def write_finish(reason: Finish, sequence: str, losses: Losses) -> str:
    """Return the `done_reason` of an answer."""
    if reason in ("refusal", "content_filter", "pause"):
        losses.add(f"response.{reason}", _WHY)
    if reason == "other":
        losses.add("response.finish_reason", "it ended for a reason that has no word here")
    if sequence:
        losses.add("response.stop_sequence", "an answer does not say which sequence ended it")
    return "length" if reason == "length" else "stop"
