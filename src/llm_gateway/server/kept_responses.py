"""Responses that a provider keeps, and going on from one: only where the configuration allows it.

All callers ask a provider with one key, so what it keeps for one of them it would show to any. This gateway
keeps none itself: a conversation comes whole with every request.
"""

from llm_gateway.dialects.contract import Call
from llm_gateway.errors import MalformedRequest
from llm_gateway.pipeline.handle import Admit
from llm_gateway.pipeline.plan import Router
from llm_gateway.providers.names import Target

__all__ = ["NOT_KEPT", "admits"]

_OPENED = (
    "Those that a provider keeps are reached when `server.default_provider` names one that speaks `responses`"
)

NOT_KEPT = (
    "responses are not kept here, so none can be fetched, deleted or cancelled by its id: send the whole "
    f"conversation in `input`. {_OPENED}"
)
"""What to say to whoever asks for a response by its id."""


def admits(router: Router, default_provider: str) -> Admit:
    """Return what refuses requests that go on from something kept, unless the default provider keeps it."""

    def admit(call: Call) -> None:
        fields = call.document.fields
        for name in ("previous_response_id", "conversation"):
            if (raw := fields.get(name)) is None or bytes(raw) in (b"null", b'""'):
                continue
            if default_provider and router.onward(Target(default_provider, ""), ("responses",)) is not None:
                return
            raise MalformedRequest(
                f"`{name}` goes on from what is not kept here: send the conversation in `input`. {_OPENED}",
                param=name,
            )

    return admit
