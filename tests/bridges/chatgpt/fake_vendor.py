"""OpenAI on loopback, as far as the bridge meets it: the sign-in service, the models and the Responses API.

Shapes are those of developers.openai.com, siwc/token-sharing-open-source ("Models and inference", "Preview
limitations", "Errors and recovery"), trimmed. What a plan does not take is refused as there.
"""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bridges.chatgpt.fake_accounts import CANARY, FakeAccounts, Refusal
from scripted import Gate, Received, Script, Send
from scripted.responses import USAGE, events, function_call, message
from scripted.script import Step
from scripted.wording import LAST_CHUNK, chunk, response, stream_head

__all__ = ["STALE", "Answer", "FakeOpenAi", "namespaced", "sharing", "wrong_with"]

STALE = Refusal(401, {"detail": {"error_code": "invalid_token"}})
_REJECTED = (
    *("background", "conversation", "max_output_tokens", "max_tool_calls", "metadata", "moderation"),
    *("multi_agent", "prompt", "prompt_cache_retention", "safety_identifier", "temperature", "top_logprobs"),
    *("top_p", "truncation", "user", "previous_response_id"),
)
_STATUSES = {
    "usage_limit_exceeded": 429,
    "usage_unavailable": 503,
    "user_unavailable": 503,
    "user_not_eligible": 403,
    "unsupported_capability": 400,
    "route_not_supported": 403,
    "invalid_user": 401,
}


def sharing(word: str, param: str | None = None) -> Refusal:
    """Return the refusal of this code, without its prefix; its sentence is not to be told to anybody."""
    code = f"subscription_sharing_{word}"
    detail = {"code": code, "message": f"{CANARY} said: Say hello.", "type": "error", "param": param}
    return Refusal(_STATUSES[word], {"error": detail})


def namespaced(name: str, arguments: Mapping[str, object]) -> dict[str, object]:
    """Return a call of a tool in the namespace of the client's tools."""
    return {**function_call(name, arguments), "namespace": "client_tools"}


@dataclass(frozen=True)
class Answer:
    """How a turn is answered: by an output and its ending, cut in pieces or not."""

    output: Sequence[Mapping[str, object]] = field(default_factory=lambda: (message("Hello."),))
    ending: str = "completed"
    reason: str = ""
    failure: Mapping[str, object] | None = None
    usage: object = field(default_factory=lambda: USAGE)
    before: tuple[Step, ...] = ()
    """What happens between the first event and the others."""
    only: int | None = None
    """How many of the events are sent before the stream ends."""
    end: tuple[Step, ...] = (Send(LAST_CHUNK),)


class FakeOpenAi:
    """The vendor. What it does is set by the test; what it was asked stands in the upstream's records."""

    def __init__(self) -> None:
        self.accounts = FakeAccounts()
        self.turns: deque[Answer | Refusal | Script] = deque()
        self.lists: deque[Refusal] = deque()
        self.models: list[dict[str, object]] = [
            {"slug": "gpt-5.6", "display_name": "GPT-5.6", "visibility": "list", "context_window": 272_000},
            {"slug": "gpt-5.6-mini", "display_name": "", "visibility": "list", "context_window": None},
            {"slug": "internal", "display_name": "Internal", "visibility": "hide"},
        ]
        self.listed = 0
        self.hangs = ""
        """The end of a path at which answers wait for the gate `hangs`."""

    def respond(self, request: Received, _: Sequence[str]) -> Script | None:
        """Answer a request; what is no path of OpenAI's is not answered here."""
        path = request.target.partition("?")[0]
        if self.hangs and path.endswith(self.hangs):
            late = self._answer(request, path)
            return None if late is None else (Gate("hangs"), *late)
        return self._answer(request, path)

    def _answer(self, request: Received, path: str) -> Script | None:
        if (answer := self.accounts.respond(request, path)) is not None:
            return (Send(answer),)
        if path not in ("/v1/models", "/v1/responses"):
            return None
        token = (request.header("authorization") or "").removeprefix("Bearer ")
        if self.accounts.access.get(token, 0.0) <= self.accounts.now_s:
            return _refused(STALE)
        if path == "/v1/models":
            self.listed += 1
            if self.lists:
                return _refused(self.lists.popleft())
            return (Send(response(200, json.dumps({"models": self.models}).encode())),)
        if (wrong := wrong_with(request.json())) is not None:
            return _refused(wrong)
        return self._turn(request)

    def _turn(self, request: Received) -> Script:
        answer = self.turns.popleft() if self.turns else Answer()
        if isinstance(answer, Refusal):
            return _refused(answer)
        if isinstance(answer, tuple):
            return answer
        told = events(
            request.model,
            answer.output,
            usage=answer.usage,
            ending=answer.ending,
            reason=answer.reason,
            failure=answer.failure,
        )[: answer.only]
        first, *others = [Send(chunk(event)) for event in told]
        return (Send(stream_head()), first, *answer.before, *others, *answer.end)


def wrong_with(body: Mapping[str, object]) -> Refusal | None:
    """Say what a plan does not take of a request; None when it is right."""
    if body.get("store") is not False or body.get("stream") is not True:
        return Refusal(400, {"detail": "store must be false and stream must be true"})
    for name in _REJECTED:
        if name in body:
            return Refusal(400, {"detail": f"Unsupported parameter: {name}"})
    items = body.get("input")
    if not isinstance(items, list):
        return Refusal(400, {"detail": [{"type": "list_type", "loc": ["body", "input"], "msg": "a list"}]})
    if any(item.get("role") == "system" for item in items):
        return Refusal(400, {"detail": "System messages are not allowed"})
    tools = body.get("tools", [])
    if not isinstance(tools, list) or any(tool.get("type") != "namespace" for tool in tools):
        return sharing("unsupported_capability", "tools")
    offered = {tool["name"] for group in tools for tool in group["tools"]}
    calls = [item for item in items if item.get("type") in ("function_call", "custom_tool_call")]
    if any(call["name"] in offered and "namespace" not in call for call in calls):
        return sharing("unsupported_capability", "input")
    return None


def _refused(refusal: Refusal) -> Script:
    return (Send(response(refusal.status, json.dumps(refusal.body).encode(), refusal.fields)),)
