"""Codex's own catalogue of models, edited so that a model is asked plainly: no agent's tools, nothing cut.

The app server reads it instead of its own (`model_catalog_json`). What is edited was found with the program
of 0.169: without it, newer models keep an `exec` tool and the prompts of several agents, results of tools are
cut after 10,000 tokens, and a long conversation is replaced by a summary of it.
"""

import msgspec

from llm_gateway.wire.ready import ready

__all__ = ["ENDLESS", "Catalogue", "Known", "UnreadableCatalogue", "edited"]

# More than any model takes: the provider says when a conversation is too long, nobody shortens it.
ENDLESS = 1_000_000_000

_EDITS: dict[str, object] = {
    "apply_patch_tool_type": None,
    "context_window": ENDLESS,
    "default_verbosity": None,
    "effective_context_window_percent": 100,
    "experimental_supported_tools": [],
    "max_context_window": ENDLESS,
    "multi_agent_version": "disabled",
    "support_verbosity": False,
    "supports_image_detail_original": False,
    "tool_mode": "direct",
    "truncation_policy": {"mode": "tokens", "limit": ENDLESS},
}


class UnreadableCatalogue(ValueError):
    """What should be a catalogue is none."""


class _Level(msgspec.Struct, frozen=True):
    effort: str


@ready
class _Model(msgspec.Struct, frozen=True):
    slug: str
    context_window: int | None = None
    default_reasoning_level: str | None = None
    supported_reasoning_levels: tuple[_Level, ...] = ()


@ready
class _Whole(msgspec.Struct):
    models: list[dict[str, object]]


class Known(msgspec.Struct, frozen=True):
    """What is known of a model: how much it reads, and how hard it can think."""

    context: int = 0
    effort: str = ""
    efforts: tuple[str, ...] = ()


class Catalogue(msgspec.Struct, frozen=True):
    """The edited catalogue as the app server reads it, and what the models are."""

    body: bytes
    models: dict[str, Known]


def edited(raw: bytes) -> Catalogue:
    """Edit what `codex debug models` printed; UnreadableCatalogue when it is anything else."""
    try:
        whole = msgspec.json.decode(raw, type=_Whole)
        models = msgspec.convert(whole.models, tuple[_Model, ...])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableCatalogue(
            "codex prints its models in a form that this gateway does not know"
        ) from None
    if not models:
        raise UnreadableCatalogue("codex knows no models")
    body = msgspec.json.encode({"models": [{**model, **_EDITS} for model in whole.models]})
    return Catalogue(body, {model.slug: _known(model) for model in models})


def _known(model: _Model) -> Known:
    efforts = tuple(level.effort for level in model.supported_reasoning_levels)
    return Known(model.context_window or 0, model.default_reasoning_level or "", efforts)
