"""What agents say in the Agent Client Protocol, as far as it is read here. Values, and reading them.

agentclientprotocol.com, version 1: initialization, session setup, prompt turn, session config options. What a
member is may be null or left out, and agents add to it: whatever is not read here does not matter.
"""

import msgspec
from msgspec import Raw

from llm_gateway.wire.ready import ready

__all__ = [
    "VERSION",
    "AuthMethod",
    "Initialized",
    "Opened",
    "PermissionOption",
    "PermissionWanted",
    "PromptResult",
    "TokenUsage",
    "Update",
    "models_of",
    "text_in",
]

VERSION = 1


@ready
class _Terminal(msgspec.Struct, frozen=True):
    command: str = ""
    args: tuple[str, ...] = ()


@ready
class _Meta(msgspec.Struct, frozen=True, rename={"terminal": "terminal-auth"}):
    terminal: _Terminal | None = None


@ready
class AuthMethod(msgspec.Struct, frozen=True):
    """A way to log in with the agent."""

    id: str
    name: str = ""
    description: str | None = None
    meta: _Meta | None = msgspec.field(default=None, name="_meta")


@ready
class _Prompt(msgspec.Struct, frozen=True):
    image: bool | None = False


@ready
class _Sessions(msgspec.Struct, frozen=True):
    close: dict[str, object] | None = None


@ready
class _Auth(msgspec.Struct, frozen=True):
    logout: dict[str, object] | None = None


@ready
class _Capabilities(msgspec.Struct, frozen=True, rename="camel"):
    prompt_capabilities: _Prompt | None = None
    session_capabilities: _Sessions | None = None
    auth: _Auth | None = None


@ready
class _Info(msgspec.Struct, frozen=True):
    name: str = ""
    version: str | None = None


@ready
class Initialized(msgspec.Struct, frozen=True, rename="camel"):
    """What an agent is and can do."""

    protocol_version: int = 0
    agent_capabilities: _Capabilities | None = None
    auth_methods: tuple[AuthMethod, ...] | None = None
    agent_info: _Info | None = None

    @property
    def sees(self) -> bool:
        """Whether it takes pictures."""
        able = self.agent_capabilities
        return bool(able and able.prompt_capabilities and able.prompt_capabilities.image)

    @property
    def closes(self) -> bool:
        """Whether a session of it can be closed."""
        able = self.agent_capabilities
        return bool(able and able.session_capabilities and able.session_capabilities.close is not None)

    @property
    def logs_out(self) -> bool:
        """Whether it can be told to log out."""
        able = self.agent_capabilities
        return bool(able and able.auth and able.auth.logout is not None)


@ready
class _Value(msgspec.Struct, frozen=True):
    value: str = ""
    name: str = ""


@ready
class _Choice(msgspec.Struct, frozen=True):
    """A value of an option, or a group of them."""

    value: str = ""
    name: str = ""
    options: tuple[_Value, ...] | None = None


@ready
class _Option(msgspec.Struct, frozen=True):
    id: str
    category: str | None = None
    options: tuple[_Choice, ...] | None = None


@ready
class _Model(msgspec.Struct, frozen=True, rename="camel"):
    model_id: str
    name: str = ""


@ready
class _Models(msgspec.Struct, frozen=True, rename="camel"):
    available_models: tuple[_Model, ...] = ()


@ready
class Opened(msgspec.Struct, frozen=True, rename="camel"):
    """A session that is open. `models` is what agents had before there were options."""

    session_id: str
    config_options: tuple[_Option, ...] | None = None
    models: _Models | None = None


@ready
class _Content(msgspec.Struct, frozen=True):
    type: str = ""
    text: str = ""


@ready
class _Said(msgspec.Struct, frozen=True, rename="camel"):
    session_update: str
    content: Raw = Raw(b"null")


@ready
class Update(msgspec.Struct, frozen=True, rename="camel"):
    """Something that an agent says of a session by itself."""

    session_id: str
    update: _Said


@ready
class TokenUsage(msgspec.Struct, frozen=True, rename="camel"):
    """Tokens of all turns of a session so far; what was read from a cache is a part of what went in."""

    input_tokens: int = 0
    output_tokens: int = 0
    thought_tokens: int | None = None
    cached_read_tokens: int | None = None
    cached_write_tokens: int | None = None


_usage: msgspec.json.Decoder[TokenUsage | None] = msgspec.json.Decoder(TokenUsage | None)


@ready
class PromptResult(msgspec.Struct, frozen=True, rename="camel"):
    """Why a turn ended, and what was used where the agent tells that."""

    stop_reason: str
    usage: Raw = Raw(b"null")

    @property
    def used(self) -> TokenUsage | None:
        """Return what was used; None where that is not told, or in another form: it is no standard yet."""
        try:
            return _usage.decode(self.usage)
        except msgspec.DecodeError:
            return None


@ready
class PermissionOption(msgspec.Struct, frozen=True, rename="camel"):
    """One way to answer what an agent wants to be allowed."""

    option_id: str
    kind: str = ""


@ready
class PermissionWanted(msgspec.Struct, frozen=True):
    """Something that an agent wants to be allowed."""

    options: tuple[PermissionOption, ...] = ()


def models_of(opened: Opened) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the option that chooses a model, "" where that is a request of its own, and its values."""
    for option in opened.config_options or ():
        if option.category == "model" and option.options:
            found: list[tuple[str, str]] = []
            for choice in option.options:
                found.append((choice.value, choice.name))
                found.extend((each.value, each.name) for each in choice.options or ())
            return option.id, tuple(each for each in found if each[0])
    models = opened.models.available_models if opened.models is not None else ()
    return "", tuple((model.model_id, model.name) for model in models)


def text_in(said: Raw) -> str:
    """Return the text that a piece of content is, "" for anything else."""
    try:
        content = msgspec.json.decode(said, type=_Content)
    except msgspec.DecodeError:
        return ""
    return content.text if content.type == "text" else ""
