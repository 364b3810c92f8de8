"""What Ollama's clients ask beside answers: which models there are, what one can do, which version this is.

Pure: what there is to list is told by whoever serves these. Nothing is said that is not known: there are no
files, no parameters and no memory behind a model of somebody else's.
"""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from llm_gateway.dialects.contract import Asked, Call
from llm_gateway.dialects.ollama.answer import created_at, head, said
from llm_gateway.dialects.ollama.members import says_nothing

__all__ = [
    "VERSION",
    "Offered",
    "encode_loaded",
    "encode_ps",
    "encode_show",
    "encode_tags",
    "encode_version",
    "is_load",
]

VERSION = "0.40.0"
"""The version of Ollama whose API this is. Clients refuse older ones: Codex those before 0.13.4."""

_ARCHITECTURE = "gateway"
_AT_ONCE = (b"0", b'"0"', b'"0s"', b'"0m"')
_encode = msgspec.json.encode


class Offered(msgspec.Struct, frozen=True):
    """A model to be listed. `capabilities` are Ollama's words: `completion`, `tools`, `vision` and so on."""

    name: str
    context_length: int = 0
    created: int = 0
    capabilities: tuple[str, ...] = ("completion", "tools")


class _Details(msgspec.Struct, omit_defaults=True):
    parent_model: str
    format: str
    family: str
    families: tuple[str, ...]
    parameter_size: str
    quantization_level: str
    context_length: int = 0


class _Model(msgspec.Struct):
    name: str
    model: str
    modified_at: str
    size: int
    digest: str
    details: _Details
    capabilities: tuple[str, ...]


class _Shown(msgspec.Struct):
    modelfile: str
    parameters: str
    template: str
    details: _Details
    model_info: Mapping[str, str | int]
    capabilities: tuple[str, ...]
    modified_at: str


def encode_tags(models: Iterable[Offered]) -> bytes:
    """Write the answer to `GET /api/tags`: every model."""
    listed = [
        _Model(
            model.name,
            model.name,
            created_at(model.created),
            0,
            _digest(model.name),
            _details(model),
            model.capabilities,
        )
        for model in models
    ]
    return _encode({"models": listed})


def encode_show(model: Offered) -> bytes:
    """Write the answer to `POST /api/show`. Editors read the size of the context from `model_info`."""
    info: dict[str, str | int] = {
        "general.architecture": _ARCHITECTURE,
        "general.basename": model.name,
    }
    if model.context_length:
        info[f"{_ARCHITECTURE}.context_length"] = model.context_length
    return _encode(
        _Shown("", "", "{{ .Prompt }}", _details(model), info, model.capabilities, created_at(model.created))
    )


def encode_version() -> bytes:
    """Write the answer to `GET /api/version`."""
    return _encode({"version": VERSION})


def encode_ps() -> bytes:
    """Write the answer to `GET /api/ps`: no model is in this machine's memory on the gateway's account."""
    return _encode({"models": ()})


def is_load(call: Call) -> bool:
    """Whether a request asks for no answer: it loads a model ahead, or lets go of it."""
    fields = call.document.fields
    match call.operation:
        case "chat":
            return says_nothing(fields.get("messages"))
        case "generate":
            return says_nothing(fields.get("prompt"))
    return False


def encode_loaded(call: Call, asked: Asked) -> bytes:
    """Write the answer to such a request, where the model is somebody else's: it is always ready."""
    keep = call.document.fields.get("keep_alive")
    done = {"done": True, "done_reason": "unload" if keep is not None and bytes(keep) in _AT_ONCE else "load"}
    return b"%b%b,%b" % (head(asked), said(asked.operation, b'""'), _encode(done)[1:])


def _details(model: Offered) -> _Details:
    return _Details("", "", _ARCHITECTURE, (_ARCHITECTURE,), "", "", model.context_length)


def _digest(name: str) -> str:
    """Return what tells models apart; clients show its first twelve characters."""
    return hashlib.sha256(name.encode()).hexdigest()
