"""The settings, as one frozen tree: names, types, bounds, defaults and what each is for.

A setting exists here or nowhere: the file, the environment overlay, `config show` and the reference page
follow from this tree. What no type can say is in `checks.py`; secrets are never in the tree.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.config.companion import CompanionSettings
from llm_gateway.config.compression import CompressionSettings
from llm_gateway.config.oidc import DashboardSettings
from llm_gateway.config.routing import AliasTable, Dialect, RoutingSettings
from llm_gateway.config.subscriptions import SubscriptionSettings
from llm_gateway.config.telemetry import TelemetrySettings

__all__ = [
    "CacheSettings",
    "ClientsSettings",
    "ContentSettings",
    "LedgerSettings",
    "Limit",
    "LocalSettings",
    "LogSettings",
    "ModelPrice",
    "PriceAbove",
    "Prices",
    "Provider",
    "Server",
    "Settings",
    "UpstreamSettings",
]

_DAY = 86_400


def _seconds(description: str, *, least: float = 0.001, most: float = _DAY) -> Meta:
    return Meta(ge=least, le=most, description=description)


def _limit(description: str) -> Meta:
    return Meta(ge=1, le=10**12, description=description)


def _money(period: str) -> Meta:
    return Meta(ge=0, le=10**6, description=f"US dollars that may be spent in {period}.")


def _price(of: str) -> Meta:
    return Meta(ge=0, le=10**6, description=f"US dollars for a million {of}.")


def _factor(of: str) -> Meta:
    return Meta(ge=0, le=100, description=f"What tokens cost in {of}, as a factor of the usual price.")


class Server(msgspec.Struct, frozen=True):
    """Where the gateway listens, to whom, and how much patience it has with a connection."""

    host: Annotated[
        str, Meta(description="Address to listen on; beyond loopback more is needed, see exposure.md.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")] = (
        8787
    )
    expose: Annotated[
        bool, Meta(description="Whether to listen beyond loopback at all; see exposure.md.")
    ] = False
    tls_cert: Annotated[
        str, Meta(description="PEM file of the certificate chain; TLS is on when it is set.")
    ] = ""
    tls_key: Annotated[str, Meta(description="PEM file of the certificate's private key.")] = ""
    allow_from: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) that may connect; empty means all. This machine always may."),
    ] = ()
    hosts: Annotated[
        tuple[str, ...],
        Meta(description="Further names that the gateway is called by, as they stand in the Host header."),
    ] = ()
    origins: Annotated[
        tuple[str, ...],
        Meta(description="Web origins (`scheme://host:port`) whose pages may call, compared exactly."),
    ] = ()
    default_provider: Annotated[
        str,
        Meta(
            description="Provider that gets the `/v1/` requests which name no model, and with them whoever "
            "has a gateway key gets at what is kept there; without one they are refused. See http.md."
        ),
    ] = ""
    header_timeout: Annotated[
        float, _seconds("Seconds for the header section of a request to arrive.", most=15)
    ] = 10.0
    body_timeout: Annotated[float, _seconds("Seconds between two pieces of a request's body.")] = 30.0
    idle_timeout: Annotated[float, _seconds("Seconds that a connection may rest between two requests.")] = (
        75.0
    )
    write_timeout: Annotated[float, _seconds("Seconds that a client may refuse to take what is sent.")] = (
        120.0
    )
    keep_alive_interval: Annotated[
        float,
        _seconds(
            "Seconds of silence in a stream of events until its client gets a comment that means nothing; "
            "0: none. See http.md.",
            least=0,
        ),
    ] = 15.0
    websockets: Annotated[
        bool,
        Meta(
            description="Whether Responses are spoken over a WebSocket, too; if not, clients go on over HTTP."
        ),
    ] = True
    drain_timeout: Annotated[
        float,
        _seconds(
            "Seconds that running answers get to finish when the gateway stops; whatever stops it (systemd, "
            "Docker, Kubernetes) has to wait as long.",
            least=0,
        ),
    ] = 30.0
    max_body_bytes: Annotated[
        int, Meta(ge=1024, le=2**32, description="Largest body of a request, as sent and as decoded.")
    ] = 64 * 1024 * 1024
    max_header_bytes: Annotated[
        int,
        Meta(ge=1024, le=2**20, description="Largest header section of a request, its first line included."),
    ] = 64 * 1024
    max_headers: Annotated[int, Meta(ge=16, le=1000, description="Most header fields of a request.")] = 128
    max_connections: Annotated[int, Meta(ge=1, le=1_000_000, description="Most connections at a time.")] = (
        20_000
    )
    max_connections_per_peer: Annotated[
        int | None,
        Meta(
            ge=0,
            le=1_000_000,
            description="Most connections at a time from one address (IPv6: one /64); 0 is no bound. "
            "Left out: 1024, and none for this machine's own addresses.",
        ),
    ] = None


class UpstreamSettings(msgspec.Struct, frozen=True):
    """How much patience the gateway has with providers."""

    connect_timeout: Annotated[float, _seconds("Seconds for a connection to a provider, TLS included.")] = (
        10.0
    )
    # A whole answer has no byte before its end; the vendors' own SDKs wait ten minutes for one.
    first_byte_timeout: Annotated[float, _seconds("Seconds until an answer begins.")] = 600.0
    idle_timeout: Annotated[float, _seconds("Seconds between two pieces of an answer.")] = 120.0
    # Nothing that works takes that long; what drips would hold its connection for ever.
    total_timeout: Annotated[float, _seconds("Seconds that an answer may take in all.")] = 3600.0
    max_idle_connections: Annotated[
        int, Meta(ge=0, le=10_000, description="Most connections to one provider that are kept while unused.")
    ] = 100


class Provider(msgspec.Struct, frozen=True):
    """Something that answers. What is left out is what the catalog knows of its name or its host."""

    name: Annotated[str, Meta(description="Name before the slash of `provider/model`.")]
    base_url: Annotated[str, Meta(description="Where it answers, with or without its version path.")] = ""
    dialects: Annotated[tuple[Dialect, ...], Meta(description="The languages that it speaks.")] = ()
    api_key_env: Annotated[str, Meta(description="Environment variable that holds its key.")] = ""
    api_key_file: Annotated[str, Meta(description="File that holds its key and nothing else, mode 0600.")] = (
        ""
    )
    models: Annotated[tuple[str, ...], Meta(description="Its models; discovered when left out.")] = ()
    subscription: Annotated[
        bool, Meta(description="Whether a subscription of yours pays for it, as behind a bridge.")
    ] = False


class PriceAbove(msgspec.Struct, frozen=True):
    """What a model's tokens cost in requests with more than so many tokens of input: all of their tokens."""

    tokens: Annotated[int, Meta(ge=1, le=10**9, description="Tokens of input from which it is passed.")]
    input: Annotated[float, _price("tokens that go in")]
    output: Annotated[float, _price("tokens that come out")]
    cache_read: Annotated[float | None, _price("tokens read from a cache; else as below that")] = None
    cache_write: Annotated[float | None, _price("tokens written to a cache; else as below that")] = None


class ModelPrice(msgspec.Struct, frozen=True):
    """What a model costs, where that is not what the table says, from a day on or always; see prices.md."""

    model: Annotated[str, Meta(description="`provider/model`, or `provider/*` for all of its others.")]
    input: Annotated[float, _price("tokens that go in")]
    output: Annotated[float, _price("tokens that come out")]
    cache_read: Annotated[float | None, _price("tokens read from a cache; else as `input`")] = None
    cache_write: Annotated[float | None, _price("tokens written to a cache; else as `input`")] = None
    cache_write_1h: Annotated[
        float | None, _price("tokens written to a cache for an hour; else as `cache_write`")
    ] = None
    reasoning: Annotated[float | None, _price("tokens of reasoning; else as `output`")] = None
    audio_in: Annotated[float | None, _price("tokens of sound that go in; else as `input`")] = None
    audio_out: Annotated[float | None, _price("tokens of sound that come out; else as `output`")] = None
    search: Annotated[
        float, Meta(ge=0, le=10**6, description="US dollars for a thousand of the provider's own searches.")
    ] = 0.0
    request: Annotated[
        float, Meta(ge=0, le=10**6, description="US dollars for each request, whatever it uses.")
    ] = 0.0
    batch: Annotated[float | None, _factor("batches")] = None
    flex: Annotated[float | None, _factor("the tier `flex`")] = None
    priority: Annotated[float | None, _factor("the tier `priority`")] = None
    since: Annotated[
        str, Meta(description="Day from which it holds (`2026-11-27`, UTC); always when left out.")
    ] = ""
    above: Annotated[
        tuple[PriceAbove, ...], Meta(description="Other prices for requests with much input.")
    ] = ()


class Limit(msgspec.Struct, frozen=True):
    """How much may be asked for, by whom. What is left out is not limited; see limits.md."""

    scope: Annotated[
        Literal["global", "key", "client", "provider"],
        Meta(description="Whom it is for: everybody together, or one key, client or provider."),
    ]
    name: Annotated[str, Meta(description="Which one: the key's name, the client's or the provider's.")] = ""
    requests_per_minute: Annotated[int | None, _limit("Requests within a minute.")] = None
    tokens_per_minute: Annotated[int | None, _limit("Tokens within a minute, in and out.")] = None
    parallel: Annotated[int | None, _limit("Requests that run at a time.")] = None
    usd_per_day: Annotated[float | None, _money("a day, from midnight in UTC")] = None
    usd_per_week: Annotated[float | None, _money("a week, from Monday in UTC")] = None
    usd_per_month: Annotated[float | None, _money("a month, in UTC")] = None
    models: Annotated[
        tuple[str, ...], Meta(description="Names of models that may be asked for, `*` for any text.")
    ] = ()
    warn_at: Annotated[
        float, Meta(ge=0, le=1, description="Share of a limit from which it is warned of.")
    ] = 0.8


class Prices(msgspec.Struct, frozen=True):
    """What tokens cost, and what they are worth where nobody bills them."""

    url: Annotated[
        str,
        Meta(description="Where `llm-gateway prices refresh` gets a newer table from, when it is asked to."),
    ] = "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/new_data/v2/data.json"

    models: tuple[ModelPrice, ...] = ()

    reference: Annotated[
        dict[str, str],
        Meta(description="`provider/model` or `provider/*` without a price → the model whose price counts."),
    ] = {}


class LedgerSettings(msgspec.Struct, frozen=True):
    """How turns are put on record."""

    durability: Annotated[
        Literal["process", "power"],
        Meta(description="What a recorded turn survives: the process being killed, or the power failing."),
    ] = "process"
    keep_days: Annotated[
        int,
        Meta(ge=0, le=36_500, description="Days for which a turn is kept; 0 is for ever. Its sums stay."),
    ] = 0


class ContentSettings(msgspec.Struct, frozen=True):
    """How long and how much is kept of what was said, for keys that keep it at all; see content.md."""

    max_days: Annotated[
        int, Meta(ge=0, le=3650, description="Most days that a key may keep content; 0 lets none keep any.")
    ] = 90
    max_bytes: Annotated[
        int,
        Meta(ge=1 << 20, le=2**44, description="Largest database of it; what does not fit is not kept."),
    ] = 8 * 1024 * 1024 * 1024


class CacheSettings(msgspec.Struct, frozen=True):
    """Answers that are kept in memory and given again to equal requests of the same key; see cache.md."""

    enabled: Annotated[
        bool,
        Meta(description="Whether any may be kept. Only for who asks: by a header, or by what stands below."),
    ] = True
    keys: Annotated[
        tuple[str, ...], Meta(description="Names of keys whose requests use it without a header.")
    ] = ()
    clients: Annotated[
        tuple[str, ...], Meta(description="Clients whose requests use it without a header.")
    ] = ()
    ttl: Annotated[
        float, _seconds("Seconds for which an answer may be given again.", least=1, most=30 * _DAY)
    ] = 3600.0
    max_bytes: Annotated[
        int, Meta(ge=0, le=2**40, description="Most memory for answers; those not used for longest go first.")
    ] = 64 * 1024 * 1024
    max_entry_bytes: Annotated[
        int, Meta(ge=0, le=64 * 1024 * 1024, description="Largest answer that is kept.")
    ] = 1024 * 1024


class LocalSettings(msgspec.Struct, frozen=True):
    """The model that runs inside the gateway, where the `local` extra is installed."""

    model_path: Annotated[str, Meta(description="GGUF file; by default the small model of the extra.")] = ""
    threads: Annotated[int, Meta(ge=1, le=256, description="Threads that it computes with.")] = 1


class ClientsSettings(msgspec.Struct, frozen=True):
    """Which AI applications of this machine go through the gateway, and what they use beside it."""

    detect: Annotated[bool, Meta(description="Whether applications are looked for on this machine.")] = True
    read_logs: Annotated[
        bool,
        Meta(description="Whether their own logs are read for tokens used; nothing that was said is."),
    ] = True
    interval: Annotated[float, _seconds("Seconds between two looks.", least=1.0)] = 60.0
    machine: Annotated[
        str, Meta(max_length=64, description="This machine's name; by default what it calls itself.")
    ] = ""


class LogSettings(msgspec.Struct, frozen=True):
    """What goes to stderr."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least weight that is written.")
    ] = "info"


class Settings(msgspec.Struct, frozen=True):
    """Everything that can be set. Providers, aliases and prices come from the file alone."""

    server: Server = Server()
    upstream: UpstreamSettings = UpstreamSettings()
    providers: tuple[Provider, ...] = ()
    aliases: Annotated[
        dict[str, tuple[str, ...] | AliasTable],
        Meta(description="A model name of your own → the `provider/model` targets to try, in order."),
    ] = {}
    routing: RoutingSettings = RoutingSettings()
    bridges: tuple[BridgeSettings, ...] = ()
    subscriptions: tuple[SubscriptionSettings, ...] = ()
    companion: CompanionSettings = CompanionSettings()
    prices: Prices = Prices()
    limits: tuple[Limit, ...] = ()
    ledger: LedgerSettings = LedgerSettings()
    content: ContentSettings = ContentSettings()
    cache: CacheSettings = CacheSettings()
    compression: CompressionSettings = CompressionSettings()
    local: LocalSettings = LocalSettings()
    clients: ClientsSettings = ClientsSettings()
    dashboard: DashboardSettings = DashboardSettings()
    log: LogSettings = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
