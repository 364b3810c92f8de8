"""A request for an answer, as all dialects mean it. Values only; what makes one is in `dialects/`."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.parts import Part, Role

__all__ = [
    "CustomTool",
    "Decoded",
    "Effort",
    "Encoded",
    "Format",
    "FunctionTool",
    "Message",
    "Reasoning",
    "Request",
    "Sampling",
    "Tool",
    "ToolChoice",
]

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Message(msgspec.Struct, frozen=True):
    """One message. System messages stand where they were said: at the beginning, or later."""

    role: Role
    parts: tuple[Part, ...]


class FunctionTool(msgspec.Struct, frozen=True, tag="function"):
    """A tool with arguments of a JSON schema. `strict` None: the client did not say."""

    name: str
    description: str = ""
    schema: Raw | None = None
    strict: bool | None = None


class CustomTool(msgspec.Struct, frozen=True, tag="custom"):
    """A tool that takes free text. `syntax` and `grammar` constrain it (`lark` or `regex`), or are empty."""

    name: str
    description: str = ""
    syntax: str = ""
    grammar: str = ""


Tool: TypeAlias = FunctionTool | CustomTool


class ToolChoice(msgspec.Struct, frozen=True):
    """Which tools may or must be called; `named` needs `names`, and `allowed` narrows `auto` or `required`.

    `parallel` None: the client did not say.
    """

    mode: Literal["auto", "none", "required", "named"] = "auto"
    names: tuple[str, ...] = ()
    parallel: bool | None = None


class Reasoning(msgspec.Struct, frozen=True):
    """How much the model is to think, as effort or as a budget of tokens, and whether it shows it.

    `effort` None with `budget` None means: think, as the model sees fit.
    """

    effort: Effort | None = None
    budget: int | None = None
    shown: bool | None = None


class Format(msgspec.Struct, frozen=True):
    """The form of the answer: any JSON, or JSON of a schema."""

    kind: Literal["json", "schema"]
    name: str = ""
    description: str = ""
    schema: Raw | None = None
    strict: bool | None = None


class Sampling(msgspec.Struct, frozen=True):
    """How tokens are chosen and when to stop; None means that the client did not say."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: tuple[str, ...] = ()


class Request(msgspec.Struct, frozen=True):
    """What a client asks of a model. `user` is an id of the person, `cache_key` names the conversation."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    sampling: Sampling = Sampling()
    reasoning: Reasoning | None = None
    format: Format | None = None
    stream: bool = False
    user: str = ""
    cache_key: str = ""
    service_tier: str = ""


class Decoded(msgspec.Struct, frozen=True):
    """A request read from its dialect, and what of it the common model cannot hold.

    `notes` are the dialect's own: what its encoder of answers has to know of the request, such as the
    namespace that a tool's name was made from. Nobody else reads them.
    """

    request: Request
    losses: tuple[Loss, ...] = ()
    notes: Mapping[str, str] = {}


class Encoded(msgspec.Struct, frozen=True):
    """A request written in a dialect, and what of it that dialect cannot say."""

    body: bytes
    losses: tuple[Loss, ...] = ()
