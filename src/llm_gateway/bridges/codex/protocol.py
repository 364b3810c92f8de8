"""What of the app server's protocol is read here: its answers and notifications, and no more of them.

Sources: openai/codex, codex-rs/app-server/README.md, and the schema that `codex app-server
generate-json-schema` writes. The `raw` notifications are in neither: with them an answer's end, its usage
and its sealed thinking are known at once, and all works without them, too.
"""

import msgspec
from msgspec import Raw

from llm_gateway.wire.ready import ready

__all__ = [
    "Account",
    "AccountRead",
    "AgentItem",
    "Breakdown",
    "ConfigRead",
    "Credits",
    "Delta",
    "Empty",
    "ErrorNotice",
    "Initialized",
    "Item",
    "ItemNotice",
    "LimitWindow",
    "Limits",
    "LimitsRead",
    "LoginEnded",
    "LoginStarted",
    "ModelPage",
    "Of",
    "Offered",
    "RawItemNotice",
    "RawResponse",
    "Rerouted",
    "SpendLimit",
    "ThreadStarted",
    "ToolCalled",
    "TurnEnded",
    "TurnFailure",
    "TurnStarted",
    "UsageNotice",
]


@ready
class Empty(msgspec.Struct, frozen=True):
    """An answer of which nothing is read."""


@ready
class Initialized(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to `initialize`."""

    user_agent: str


class _Config(msgspec.Struct, frozen=True):
    mcp_servers: dict[str, Raw] | None = None
    features: dict[str, object] | None = None


@ready
class ConfigRead(msgspec.Struct, frozen=True):
    """The answer to `config/read`."""

    config: _Config


@ready
class Account(msgspec.Struct, frozen=True, rename="camel"):
    """Who is logged in, as far as that is read."""

    type: str
    plan_type: str | None = None


@ready
class AccountRead(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to `account/read`; where somebody configured a provider of their own, none is needed."""

    requires_openai_auth: bool
    account: Account | None = None


@ready
class LimitWindow(msgspec.Struct, frozen=True, rename="camel"):
    """A window of the plan's quota; `resets_at` in seconds since 1970."""

    used_percent: float
    window_duration_mins: int | None = None
    resets_at: int | None = None


@ready
class Credits(msgspec.Struct, frozen=True, rename="camel"):
    """What was paid for beyond the plan; `balance` as the vendor writes it."""

    has_credits: bool = False
    unlimited: bool = False
    balance: str | None = None


@ready
class SpendLimit(msgspec.Struct, frozen=True, rename="camel"):
    """What a workspace lets one person spend; `resets_at` in seconds since 1970."""

    remaining_percent: float = 100.0
    resets_at: int | None = None


@ready
class Limits(msgspec.Struct, frozen=True, rename="camel"):
    """How much of the plan is used."""

    primary: LimitWindow | None = None
    secondary: LimitWindow | None = None
    rate_limit_reached_type: str | None = None
    credits: Credits | None = None
    individual_limit: SpendLimit | None = None


@ready
class LimitsRead(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to `account/rateLimits/read`, and the notification that they changed."""

    rate_limits: Limits
    account_id: str | None = None


@ready
class Offered(msgspec.Struct, frozen=True, rename="camel"):
    """A model of the list."""

    id: str
    display_name: str = ""
    hidden: bool = False


@ready
class ModelPage(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to `model/list`."""

    data: tuple[Offered, ...]
    next_cursor: str | None = None


@ready
class LoginStarted(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to `account/login/start`: a page to open, or one with a code for it."""

    login_id: str = ""
    auth_url: str = ""
    verification_url: str = ""
    user_code: str = ""


@ready
class LoginEnded(msgspec.Struct, frozen=True, rename="camel"):
    """`account/login/completed`. Its error is the vendor's text, which is not read."""

    success: bool
    login_id: str | None = None


class _Thread(msgspec.Struct, frozen=True):
    id: str


@ready
class ThreadStarted(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to `thread/start`; `instruction_sources` are the person's files that it adds itself."""

    thread: _Thread
    instruction_sources: tuple[str, ...] = ()


@ready
class TurnFailure(msgspec.Struct, frozen=True, rename="camel"):
    """Why a turn failed. The two texts are for us to judge: never for a log or a client."""

    message: str
    codex_error_info: str | dict[str, object] | None = None
    additional_details: str | None = None


class _Turn(msgspec.Struct, frozen=True):
    id: str
    status: str = ""
    error: TurnFailure | None = None


@ready
class TurnStarted(msgspec.Struct, frozen=True):
    """The answer to `turn/start`, and `turn/started`."""

    turn: _Turn


@ready
class TurnEnded(msgspec.Struct, frozen=True):
    """`turn/completed`."""

    turn: _Turn


@ready
class ErrorNotice(msgspec.Struct, frozen=True, rename="camel"):
    """`error`: a turn fails, or is about to be tried again."""

    error: TurnFailure
    will_retry: bool


@ready
class Of(msgspec.Struct, frozen=True, rename="camel"):
    """Which thread a notification is about; "" for one of no thread."""

    thread_id: str | None = ""


@ready
class Delta(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """More of a text or of thinking."""

    item_id: str
    delta: str
    summary_index: int = 0


@ready
class AgentItem(msgspec.Struct, frozen=True):
    """An item as it begins and ends, of which only messages matter."""

    type: str
    id: str = ""
    text: str = ""


@ready
class ItemNotice(msgspec.Struct, frozen=True):
    """`item/started` and `item/completed`."""

    item: AgentItem


class _Passthrough(msgspec.Struct, frozen=True):
    content_item_kinds: tuple[object, ...] = ()


@ready
class Item(msgspec.Struct, frozen=True):
    """An item of the Responses API."""

    type: str
    id: str | None = None
    name: str = ""
    arguments: str = ""
    call_id: str = ""
    encrypted_content: str | None = None
    internal_chat_message_metadata_passthrough: _Passthrough | None = None


@ready
class RawItemNotice(msgspec.Struct, frozen=True, rename="camel"):
    """`rawResponseItem/completed`: an item is complete, of the model's or of what it was given."""

    item: Item
    turn_id: str = ""


@ready
class Breakdown(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Tokens as OpenAI counts them: what was cached is a part of the input."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_output_tokens: int = 0


@ready
class RawResponse(msgspec.Struct, frozen=True):
    """`rawResponse/completed`: the model has answered, before its tools are called."""

    usage: Breakdown | None = None


class _ThreadUsage(msgspec.Struct, frozen=True):
    total: Breakdown


@ready
class UsageNotice(msgspec.Struct, frozen=True, rename="camel"):
    """`thread/tokenUsage/updated`."""

    token_usage: _ThreadUsage


@ready
class ToolCalled(msgspec.Struct, frozen=True, rename="camel"):
    """`item/tool/call`: a tool of the client's is called."""

    call_id: str
    tool: str
    arguments: Raw


@ready
class Rerouted(msgspec.Struct, frozen=True, rename="camel"):
    """`model/rerouted`: another model answers."""

    to_model: str
