"""The paths on which clients speak to models, in each dialect, with and without the version path.

Clients differ in what they take for a base URL: some add `/v1`, some bring it along, some do both.
"""

from collections.abc import Coroutine, Iterator, Mapping
from urllib.parse import unquote

from llm_gateway.dialects.contract import Dialect, Path
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import NotFound
from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.handle import Admit, Gateway, handle
from llm_gateway.server.kept_responses import KeptResponses
from llm_gateway.server.query import query_text
from llm_gateway.server.routes import Answering, Route

__all__ = ["CODEX_ROOT", "dialect_at", "dialect_routes"]

CODEX_ROOT = "/backend-api/codex"
"""Where Codex asks when it sends its own ChatGPT login: its vendor's path, below another host."""

_OPENAI = ("/v1", "", "/v1/v1")
# Operation, summary. The first of each is what the dialect is for.
_OPERATIONS: dict[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    "chat": (
        _OPENAI,
        (
            ("chat/completions", "OpenAI Chat Completions"),
            ("completions", "OpenAI Completions"),
            ("embeddings", "OpenAI Embeddings"),
        ),
    ),
    "responses": (
        (*_OPENAI, CODEX_ROOT),
        (
            ("responses", "OpenAI Responses"),
            ("responses/compact", "OpenAI Responses: compact a conversation"),
            ("responses/input_tokens", "OpenAI Responses: count the tokens of a request"),
        ),
    ),
    "messages": (
        _OPENAI,
        (
            ("messages", "Anthropic Messages"),
            ("messages/count_tokens", "Anthropic Messages: count the tokens of a request"),
        ),
    ),
    "ollama": (
        ("/api", "/api/api"),
        (
            ("chat", "Ollama chat"),
            ("generate", "Ollama generate"),
            ("embed", "Ollama embeddings"),
            ("embeddings", "Ollama embeddings, the older form"),
        ),
    ),
}
_OURS = (b"/api/dashboard/", b"/api/keys", b"/api/key-limits", b"/api/key-rotations", b"/api/content/")
_GEMINI = ("/v1beta/models", "/v1/models", "/v1beta/v1beta/models", "/v1beta")
# The last one: @ai-sdk/google takes a name with a slash for a whole resource name, as `tunedModels/x` is one
# (vercel/ai, packages/google/src/get-model-path.ts), and `provider/model` is what names are here.
_GEMINI_VERBS = frozenset(
    ("generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents")
)


def dialect_routes(gateway: Gateway, kept: KeptResponses | None = None) -> tuple[Route, ...]:
    """Return the routes of every dialect. `kept` are the responses that requests may go on from."""
    return tuple(_routes(gateway, {"responses": (kept or KeptResponses(gateway)).admit}))


def dialect_at(target: bytes) -> Dialect:
    """Return the dialect in which a path's clients want to be told of errors."""
    path = target.partition(b"?")[0]
    name = "chat"
    if path.startswith(b"/api/"):
        name = "chat" if path.startswith(_OURS) else "ollama"
    elif path.startswith(b"/v1beta/") or (path.startswith(b"/v1/models/") and b":" in path):
        name = "gemini"
    elif b"/messages" in path:
        name = "messages"
    elif b"/responses" in path:
        name = "responses"
    return DIALECTS[name]


def _routes(gateway: Gateway, admit: Mapping[str, Admit]) -> Iterator[Route]:
    for name, (roots, operations) in _OPERATIONS.items():
        for root in roots:
            for operation, summary in operations:
                answer = _answering(gateway, DIALECTS[name], operation, admit.get(name))
                yield Route("POST", f"{root}/{operation}", answer, summary, "key")
    for root in _GEMINI:
        answer = _answering_model(gateway, DIALECTS["gemini"])
        yield Route("POST", f"{root}/{{}}", answer, "Gemini: `MODEL:generateContent` and so on", "key")


def _answering(gateway: Gateway, dialect: Dialect, operation: str, admit: Admit | None) -> Answering:
    usual = Path(operation)

    def answer(exchange: Exchange, _: str) -> Coroutine[object, object, None]:
        if b"?" not in exchange.target:
            return handle(exchange, gateway, dialect, usual, admit)
        return handle(exchange, gateway, dialect, Path(operation, query=query_text(exchange.target)), admit)

    return answer


def _answering_model(gateway: Gateway, dialect: Dialect) -> Answering:
    """Answer `models/MODEL:VERB`: both stand in the path, and a name may hold slashes."""

    def answer(exchange: Exchange, rest: str) -> Coroutine[object, object, None]:
        name, _, verb = rest.rpartition(":")
        if verb not in _GEMINI_VERBS:
            known = ", ".join(sorted(_GEMINI_VERBS))
            raise NotFound(f"there is no such method of a model; there are {known}")
        path = Path(verb, unquote(name).removeprefix("models/"), query_text(exchange.target))
        return handle(exchange, gateway, dialect, path)

    return answer
