"""Model lists as their providers write them, read into one shape. Nothing is fetched or kept here."""

from datetime import UTC, datetime

import msgspec

from llm_gateway.providers.catalog import Shape

__all__ = ["ModelEntry", "UnreadableModelList", "model_names", "read_models"]

_MAX_NAME = 512
_LIST_KEYS: dict[Shape, str] = {
    "openai": "data",
    "anthropic": "data",
    "gemini": "models",
    "ollama": "models",
    "cloudflare": "result",
}
_CONTEXT_KEYS = (
    "context_length",  # OpenRouter, Together, Fireworks
    "context_window",  # Groq
    "max_model_len",  # vLLM
    "max_context_length",  # LM Studio, Mistral
    "max_input_tokens",  # Anthropic
    "inputTokenLimit",  # Gemini
)

_any = msgspec.json.Decoder(object)


class UnreadableModelList(ValueError):
    """The bytes are not a model list of the expected shape."""


class ModelEntry(msgspec.Struct, frozen=True):
    """One model as its provider lists it; zero and "" stand for what it does not tell."""

    id: str
    owned_by: str = ""
    created: int = 0
    context_length: int = 0
    label: str = ""


def read_models(body: bytes, shape: Shape, *, prefix: str = "") -> tuple[ModelEntry, ...]:
    """Read a model list; names lose `prefix`. Entries without a usable name are left out."""
    try:
        document = _any.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableModelList("the model list is not JSON") from None
    entries: dict[str, ModelEntry] = {}
    for item in _items(document, shape):
        entry = _entry(item, shape, prefix)
        if entry is not None:
            entries.setdefault(entry.id, entry)
    return tuple(entries.values())


def model_names(entries: tuple[ModelEntry, ...]) -> tuple[str, ...]:
    """Return the names alone, in the provider's order."""
    return tuple(entry.id for entry in entries)


def _items(document: object, shape: Shape) -> list[object]:
    """Return the list inside a document. Some OpenAI-compatible hosts send it bare."""
    key = _LIST_KEYS[shape]
    found = document.get(key) if isinstance(document, dict) else document
    if found is None and isinstance(document, dict) and key in document:
        return []  # `null` is how Go says that there are none
    if not isinstance(found, list):
        raise UnreadableModelList(f"the answer is not a model list of the {shape} shape")
    return found


def _entry(item: object, shape: Shape, prefix: str) -> ModelEntry | None:
    if not isinstance(item, dict):
        return None
    name = item.get("name" if shape in ("ollama", "gemini", "cloudflare") else "id")
    if not isinstance(name, str):
        return None
    name = name.removeprefix(prefix)
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        return None
    return ModelEntry(
        id=name,
        owned_by=_text(item.get("owned_by") or item.get("organization")),
        created=_time(item.get("created") or item.get("created_at")),
        context_length=next((n for key in _CONTEXT_KEYS if (n := _count(item.get(key)))), 0),
        label=_text(item.get("display_name") or item.get("displayName")),
    )


def _text(value: object) -> str:
    return value[:_MAX_NAME] if isinstance(value, str) and value.isprintable() else ""


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 < value < 1_000_000_000 else 0


def _time(value: object) -> int:
    """Return seconds since the epoch of a number or an RFC 3339 text; 0 when it is neither."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return 0
        value = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 < value < 100_000_000_000 else 0
