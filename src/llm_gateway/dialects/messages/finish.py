"""Why an answer ended: the words of this dialect for it, read and written."""

from collections.abc import Mapping

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.loss import Losses

__all__ = ["read_finish", "write_finish"]

# platform.claude.com, "Handling stop reasons".
_READ: Mapping[str, Finish] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
}
_WRITTEN: Mapping[Finish, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "refusal": "refusal",
    "content_filter": "refusal",
    "stop_sequence": "stop_sequence",
    "pause": "pause_turn",
    "other": "end_turn",
}


def read_finish(native: str) -> Finish:
    """Return the reason behind a `stop_reason`."""
    return _READ.get(native, "other")


def write_finish(reason: Finish, *, called: bool, refused: bool, losses: Losses) -> str:
    """Return the `stop_reason` of an answer; clients run tools only when it is `tool_use`."""
    if called and reason in ("stop", "other"):
        return "tool_use"
    if refused and reason in ("stop", "other"):
        return "refusal"
    if reason == "other":
        losses.add("response.finish_reason", "it ended for a reason that has no word here")
    return _WRITTEN[reason]
