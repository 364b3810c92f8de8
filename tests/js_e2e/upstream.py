"""The scripted upstream for the AI SDK: the usual one, with models that do as `place` and `error-400` say."""

from collections.abc import Sequence

from clients_e2e.speech import SPEECHES, Said
from scripted import Received, Responder, Script
from upstream_answers import UPSTREAMS

__all__ = ["EMBEDDERS", "MODELS", "PLACE", "REFUSAL", "responders"]

MODELS = ("m", "place", "error-400", "error-429", "error-500")
PLACE = '{"city": "Köln"}'
REFUSAL = "Das geht so nicht."
EMBEDDERS = {"chat": 4, "gemini": 3, "ollama": 4}
"""The dialects that have embeddings, and how many numbers the scripted upstream gives."""


def responders() -> tuple[Responder, ...]:
    """Return what answers in each dialect."""
    return tuple(_responder(dialect) for dialect in UPSTREAMS)


def _responder(dialect: str) -> Responder:
    answers, speech = UPSTREAMS[dialect], SPEECHES[dialect]

    def respond(request: Received, names: Sequence[str]) -> Script | None:
        usual = answers.responder(request, names)
        if usual is None or request.method != "POST":
            return usual
        path = request.target.partition("?")[0]
        model = request.model or path.rpartition("/models/")[2].partition(":")[0]
        if model == "place":
            return speech.say(speech.hear(path, request.json()), Said(PLACE))
        if model.startswith("error-"):
            return answers.failing(int(model.removeprefix("error-")), REFUSAL)
        return usual

    return respond
