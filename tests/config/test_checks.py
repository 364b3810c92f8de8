"""What no type can say is said by name, value and reason."""

import pytest

from llm_gateway.config.checks import faults
from llm_gateway.config.compression import CompressionSettings
from llm_gateway.config.routing import AliasTable, TargetTable
from llm_gateway.config.settings import Limit, ModelPrice, PriceAbove, Prices, Provider, Server, Settings


def found(settings: Settings) -> list[str]:
    return [".".join(map(str, path)) + ": " + why for path, why in faults(settings)]


def test_sensible_settings_have_no_faults() -> None:
    settings = Settings(
        server=Server(
            host="192.168.1.5",
            tls_cert="cert.pem",
            tls_key="key.pem",
            allow_from=("10.0.0.0/8", "::1/128"),
            hosts=("gateway.example", "gateway.example:443", "[fd00::1]:8787"),
            origins=("https://app.example", "tauri://localhost"),
            default_provider="openai",
        ),
        providers=(
            Provider("ollama", base_url="http://127.0.0.1:11434", models=("qwen2.5:14b",)),
            Provider("open-router_2.x", base_url="https://openrouter.ai/api", api_key_env="OPENROUTER_KEY_2"),
            Provider("openai", api_key_file="/run/key"),
        ),
        aliases={"fast": ("ollama/qwen2.5:14b", "openrouter/meta/llama")},
        prices=Prices(
            url="https://prices.example/data.json",
            models=(
                ModelPrice("openai/*", input=1.25, output=10),
                ModelPrice("openai/m", input=1, output=1),
                ModelPrice(
                    "openai/m",
                    input=2,
                    output=2,
                    since="2026-11-27",
                    above=(PriceAbove(10, input=3, output=3), PriceAbove(20, input=4, output=4)),
                ),
            ),
            reference={"ollama/*": "openai/gpt-5.5-mini"},
        ),
        limits=(Limit("global", parallel=8), Limit("key", "laptop", usd_per_day=5)),
    )
    assert found(settings) == []


ABOVE = (PriceAbove(20, input=3, output=3), PriceAbove(20, input=4, output=4))

SERVERS = [
    (Server(host="127.1"), 'server.host: "127.1" is not an IP address or a host name'),
    (Server(host=""), 'server.host: "" is not an IP address or a host name'),
    (Server(default_provider="Open AI"), 'server.default_provider: "Open AI" is not the name of a provider'),
    (Server(default_provider="demo"), 'server.default_provider: "demo" answers no such requests'),
    (Server(default_provider="local"), 'server.default_provider: "local" answers no such requests'),
    (Server(tls_cert="c.pem"), "server.tls_cert: TLS needs tls_key too"),
    (Server(tls_key="k.pem"), "server.tls_key: TLS needs tls_cert too"),
    (
        Server(allow_from=("::1/64",)),
        "server.allow_from: '::1/64' is not a network such as 192.168.1.0/24: ::1/64 has host bits set",
    ),
    (
        Server(hosts=("*.example",)),
        "server.hosts: '*.example' is not a host name or address, with or without a port",
    ),
    (Server(origins=("*",)), 'server.origins: "*" is not an origin such as https://app.example:8443'),
    (Server(origins=("null",)), 'server.origins: "null" is not an origin such as https://app.example:8443'),
]


@pytest.mark.parametrize(("server", "fault"), SERVERS)
def test_the_listener_is_checked(server: Server, fault: str) -> None:
    assert found(Settings(server=server)) == [fault]


PROVIDERS = [
    (Provider("Up"), 'name: "Up" is not a name of a-z, 0-9, dot, hyphen and underscore'),
    (Provider(""), 'name: "" is not a name of a-z, 0-9, dot, hyphen and underscore'),
    (Provider("a/b"), 'name: "a/b" is not a name of a-z, 0-9, dot, hyphen and underscore'),
    (Provider("demo"), 'name: "demo" is a provider of the gateway\'s own; choose another name'),
    (Provider("local"), 'name: "local" is a provider of the gateway\'s own; choose another name'),
    (Provider("a", base_url="htp://x"), 'base_url: "htp://x" is not a URL such as http://127.0.0.1:11434'),
    (
        Provider("a", base_url="http://user:canary@x"),
        "base_url: holds a user or a password; use api_key_env or api_key_file",
    ),
    (
        Provider("a", api_key_env="sk-canary"),
        "api_key_env: this is the name of an environment variable (A-Z, 0-9, underscore), not the key itself",
    ),
    (
        Provider("a", api_key_env="gsk_canary123"),
        "api_key_env: this is the name of an environment variable (A-Z, 0-9, underscore), not the key itself",
    ),
    (
        Provider("a", api_key_env="X", api_key_file="y"),
        "api_key_file: api_key_env is set too; keep one of them",
    ),
    (Provider("a", models=("m", "")), "models: there is a model without a name"),
]


@pytest.mark.parametrize(("provider", "fault"), PROVIDERS)
def test_providers_are_checked_and_no_secret_is_shown(provider: Provider, fault: str) -> None:
    assert found(Settings(providers=(Provider("first"), provider))) == [f"providers.1.{fault}"]
    assert "canary" not in fault


def test_a_name_is_there_once() -> None:
    settings = Settings(providers=(Provider("a"), Provider("b"), Provider("a")))
    assert found(settings) == [
        'providers.0.name: "a" is there 2 times',
        'providers.2.name: "a" is there 2 times',
    ]


@pytest.mark.parametrize(
    ("alias", "targets", "fault"),
    [
        ("a/b", ("p/m",), "aliases.a/b: an alias is a name without a slash"),
        ("", ("p/m",), "aliases.: an alias is a name without a slash"),
        ("fast", (), "aliases.fast: there is no target; name at least one provider/model"),
        ("fast", ("p/m", "gpt-5"), 'aliases.fast: "gpt-5" is not a provider/model'),
        ("fast", ("p/",), 'aliases.fast: "p/" is not a provider/model'),
        ("fast", ("/m",), 'aliases.fast: "/m" is not a provider/model'),
    ],
)
def test_short_aliases_are_checked(alias: str, targets: tuple[str, ...], fault: str) -> None:
    assert found(Settings(aliases={alias: targets})) == [fault]


def test_price_references_are_checked() -> None:
    settings = Settings(prices=Prices(reference={"ollama": "openai/gpt", "ollama/*": "gpt"}))
    assert found(settings) == [
        'prices.reference.ollama: "ollama" is not a provider/model',
        'prices.reference.ollama/*: "gpt" is not a provider/model',
    ]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (
            Settings(limits=(Limit("key", parallel=1),)),
            "limits.0.name: a name says whom it is for",
        ),
        (
            Settings(limits=(Limit("global", "laptop", parallel=1),)),
            "limits.0.name: there is one for all, without a name",
        ),
        (
            Settings(prices=Prices(models=(ModelPrice("gpt", input=1, output=1),))),
            'prices.models.0.model: "gpt" is not a provider/model',
        ),
        (
            Settings(prices=Prices(models=(ModelPrice("p/m", input=1, output=1, since="tomorrow"),))),
            'prices.models.0.since: "tomorrow" is not a day such as 2026-11-27',
        ),
        (
            Settings(prices=Prices(models=(ModelPrice("p/m", input=1, output=1, since="20261127"),))),
            'prices.models.0.since: "20261127" is not a day such as 2026-11-27',
        ),
        (
            Settings(prices=Prices(models=(ModelPrice("p/m", input=1, output=1),) * 2)),
            'prices.models.1.model: "p/m" has a price from that day on already; name another day',
        ),
        (
            Settings(prices=Prices(models=(ModelPrice("p/m", input=1, output=1, above=ABOVE),))),
            "prices.models.0.above: each has to begin at more tokens than the one before it",
        ),
        (
            Settings(prices=Prices(reference={"ollama/*": "gpt"})),
            'prices.reference.ollama/*: "gpt" is not a provider/model',
        ),
        (
            Settings(prices=Prices(url="prices.json")),
            'prices.url: "prices.json" is not a URL such as http://127.0.0.1:11434',
        ),
    ],
)
def test_limits_and_prices_say_whom_they_are_for(settings: Settings, fault: str) -> None:
    assert found(settings) == [fault]


@pytest.mark.parametrize(
    ("targets", "fault"),
    [
        ((), "aliases.fast.targets: there is no target; name at least one provider/model"),
        (("p/m", "gpt-5"), 'aliases.fast.targets.1: "gpt-5" is not a provider/model'),
        ((TargetTable("gpt-5"),), 'aliases.fast.targets.0.target: "gpt-5" is not a provider/model'),
        (
            ("p/m", "q/m", TargetTable("p/m", weight=1)),
            'aliases.fast.targets.2.target: "p/m" is there 2 times; name it once',
        ),
    ],
)
def test_long_aliases_are_checked(targets: tuple[str | TargetTable, ...], fault: str) -> None:
    assert found(Settings(aliases={"fast": AliasTable(targets)})) == [fault]
    assert found(Settings(aliases={"fast": AliasTable(("p/m", TargetTable("p/n")))})) == []


@pytest.mark.parametrize(
    ("compression", "fault"),
    [
        (CompressionSettings(keys={"": "on"}), "compression.keys.: there is one of the keys without a name"),
        (
            CompressionSettings(models={"": "off"}),
            "compression.models.: there is one of the models without a name",
        ),
        (CompressionSettings(ask=("ada", "")), "compression.ask: there is a key without a name"),
    ],
)
def test_whoever_is_compressed_for_has_a_name(compression: CompressionSettings, fault: str) -> None:
    assert found(Settings(compression=compression)) == [fault]
    assert found(Settings(compression=CompressionSettings(keys={"ada": "on"}, ask=("ada",)))) == []
