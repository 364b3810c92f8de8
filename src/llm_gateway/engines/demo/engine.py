"""The `demo` provider: answers without a model, so that everything around a model can be tried at once.

Every answer says that it is a demo, never counts as usage or saving, and follows from the request alone:
the same request gives the same text, vectors and usage (a token is four bytes). Not a simulation of any
model's behaviour.

    demo/echo       repeats the last user message, cut to 1,000 characters
    demo/slow       the same, at 150 ms a word
    demo/error-429  refuses, with `Retry-After: 1`
    demo/error-500  fails

With tools in the request, a last user message `call NAME {"some": "arguments"}` is answered by that tool
call, and so is a `tool_choice` that demands one.
"""

from collections.abc import Sequence

from llm_gateway.clock import Clock
from llm_gateway.engines.demo import chat, completions, embeddings
from llm_gateway.engines.demo.reading import Unreadable
from llm_gateway.engines.prepared import PreparedAnswer, refusal

__all__ = ["DemoEngine"]

_PAUSE_S = 0.15
_SPOKEN = {"chat/completions": chat.reply, "completions": completions.reply}


class DemoEngine:
    """The engine behind the demo models. `pause` is what demo/slow waits before each word."""

    name = "demo"
    models: Sequence[str] = ("echo", "slow", "error-429", "error-500")
    counts = False
    dialect = "chat"
    abilities = None
    people: frozenset[str] | None = None

    def __init__(self, clock: Clock, *, pause: float = _PAUSE_S) -> None:
        self._clock = clock
        self._pause = pause

    async def answer(self, operation: str, body: bytes, model: str) -> PreparedAnswer:
        """Answer a call of the `chat` dialect."""
        match model:
            case "error-429":
                return refusal(429, "demo/error-429 always refuses", "rate_limit_exceeded")
            case "error-500":
                return refusal(500, "demo/error-500 always fails", "internal_error")
            case "echo" | "slow":
                pause = self._pause if model == "slow" else 0.0
            case _:
                return refusal(404, f"there is no demo/{model}: try demo/echo", "model_not_found")
        try:
            return self._speak(operation, body, f"demo/{model}", pause)
        except Unreadable as error:
            return refusal(400, str(error), "invalid_request", error.param)

    async def close(self) -> None:
        """Give back nothing: nothing is held."""

    def _speak(self, operation: str, body: bytes, model: str, pause: float) -> PreparedAnswer:
        if operation == "embeddings":
            return PreparedAnswer.whole(200, embeddings.reply(body, model), pause)
        if operation not in _SPOKEN:
            return refusal(404, f"the demo provider has no operation {operation}", "not_found")
        spoken = _SPOKEN[operation](body, model, self._clock.now_us() // 1_000_000)
        if spoken.events:
            return PreparedAnswer.stream(spoken.events, pause)
        return PreparedAnswer.whole(200, spoken.body, pause * spoken.words)
