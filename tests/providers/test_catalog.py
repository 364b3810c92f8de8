"""The catalog: complete rows, and what a provider of the configuration inherits from them."""

import msgspec
import pytest

from llm_gateway.dialects.registry import TARGETS
from llm_gateway.ledger.price_table import shipped_table
from llm_gateway.providers.catalog import ModelList, ProviderRow, Speaks, configured_row, load_catalog

ROWS = {row.name: row for row in load_catalog()}
DIALECT_NAMES = {"chat", "responses", "messages", "gemini", "ollama", "bridge"}


def test_the_promised_providers_are_there() -> None:
    local = {"ollama": 11434, "llamacpp": 8080, "lmstudio": 1234, "vllm": 8000}
    hosted = {
        *("openai", "anthropic", "gemini", "mistral", "groq", "cerebras", "deepseek", "xai"),
        *("openrouter", "together", "fireworks", "nvidia", "cloudflare"),
    }
    assert {name: row.ports for name, row in ROWS.items() if row.kind == "local"} == {
        name: (port,) for name, port in local.items()
    }
    assert {name for name, row in ROWS.items() if row.kind == "hosted"} == hosted
    assert {name for name, row in ROWS.items() if row.kind == "builtin"} == {"demo", "local"}
    assert len(ROWS) == len(load_catalog())


@pytest.mark.parametrize("row", load_catalog(), ids=lambda row: str(row.name))
def test_a_row_is_whole(row: ProviderRow) -> None:
    assert row.label
    assert row.dialects.keys() <= DIALECT_NAMES
    assert row.dialects.keys() & TARGETS.keys(), "nothing that is served could reach it"
    assert row.metered is (row.kind == "hosted")
    if row.kind == "builtin":
        assert not row.base_url and not row.api_key_env and not row.ports
        return
    assert row.docs.startswith("https://")
    if row.bridge is not None:
        assert row.kind == "subscription" and not row.base_url and not row.api_key_env and not row.ports
        assert tuple(row.dialects) == ("bridge",) and row.bridge.kind.isidentifier() and row.bridge.terms
        return
    assert not row.base_url.endswith("/")
    assert row.models.root_path or row.models.dialect in row.dialects
    if row.kind == "hosted":
        assert row.base_url.startswith("https://")
        assert row.api_key_env and not row.ports
    elif row.login is not None:
        assert row.base_url.startswith("https://") and row.kind == "subscription"
        assert row.login.prefix and row.login.clients and row.login.forbids
        assert not row.api_key_env and all(each.auth == "none" for each in row.dialects.values())
    else:
        assert row.base_url == f"http://127.0.0.1:{row.ports[0]}"


def test_reading_it_twice_costs_once() -> None:
    assert load_catalog() is load_catalog()


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert(
            {"name": "x", "label": "X", "kind": "local", "dialects": {}, "quirks": {"streem_usage": True}},
            ProviderRow,
        )


def test_a_provider_nobody_knows_gets_the_usual_paths() -> None:
    row = configured_row("work", "https://llm.example.org", ("chat", "messages"), "WORK_KEY", load_catalog())
    assert row == ProviderRow(
        name="work",
        label="work",
        kind="hosted",
        base_url="https://llm.example.org",
        dialects={"chat": Speaks("/v1"), "messages": Speaks("/v1", "x-api-key")},
        api_key_env=("WORK_KEY",),
    )
    assert row.metered


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost:9000", "[::1]:9000"])
def test_what_runs_on_this_machine_is_not_metered(host: str) -> None:
    row = configured_row("mine", f"http://{host}", (), "", load_catalog())
    assert row.kind == "local" and not row.metered
    assert row.dialects == {"chat": Speaks("/v1")}
    assert row.api_key_env == ()


def test_a_catalog_name_keeps_everything_that_is_not_said() -> None:
    assert configured_row("groq", "", (), "", load_catalog()) == ROWS["groq"]
    moved = configured_row("ollama", "http://10.0.0.5:11434/v1", ("chat",), "MY_KEY", load_catalog())
    assert moved.base_url == "http://10.0.0.5:11434/v1" and moved.base_url_env == ()
    assert moved.dialects == {"chat": Speaks("/v1")}
    assert moved.api_key_env == ("MY_KEY",)
    assert moved.models == ModelList()


def test_a_second_account_is_known_by_its_host() -> None:
    row = configured_row("team", "https://api.mistral.ai/v1", (), "TEAM_KEY", load_catalog())
    assert (row.name, row.label, row.quirks) == ("team", "team", ROWS["mistral"].quirks)
    assert not row.quirks.stream_usage


def test_a_bridge_that_runs_elsewhere_is_a_subscription_with_an_address() -> None:
    row = configured_row("codex", "http://mac.local:9000/v1", (), "", load_catalog())
    assert (row.kind, row.bridge, row.metered) == ("subscription", None, False)
    assert row.base_url == "http://mac.local:9000/v1" and tuple(row.dialects) == ("chat",)
    assert row.label == "ChatGPT plan, through Codex"


def test_whose_prices_a_provider_has_goes_with_its_row() -> None:
    catalog = load_catalog()
    mine = configured_row("codex", "http://10.0.0.7:8787", ("responses",), "", catalog)
    assert mine.prices == "openai", "a bridge that runs elsewhere is worth the same"
    assert configured_row("together", "", (), "", catalog).prices == "together"
    assert configured_row("mine", "http://10.0.0.7", (), "", catalog).prices == ""
    for row in catalog:
        assert row.prices == "" or row.prices in shipped_table().names, row.name
        assert row.kind != "local" or row.prices == "", "a local model is worth what its user says"


def test_a_dialect_the_catalog_does_not_know_of_is_believed() -> None:
    row = configured_row("groq", "", ("messages", "chat"), "", load_catalog())
    assert row.dialects == {"messages": Speaks("/v1", "x-api-key"), "chat": Speaks("/openai/v1")}


@pytest.mark.parametrize(
    ("dialect", "shape", "path"),
    [
        ("chat", "openai", "/models"),
        ("responses", "openai", "/models"),
        ("ollama", "ollama", "/tags"),
        ("gemini", "gemini", "/models?pageSize=1000"),
        ("messages", "anthropic", "/models?limit=1000"),
    ],
)
def test_models_are_listed_in_the_shape_of_the_dialect(dialect: str, shape: str, path: str) -> None:
    told = configured_row("x", "https://x.example", (dialect,), "", ()).models
    assert (told.dialect, told.shape, told.path) == (dialect, shape, path)


def test_an_unknown_dialect_and_a_bad_address_are_left_for_the_endpoint_to_refuse() -> None:
    row = configured_row("x", "http://[bad", ("smoke-signals",), "", load_catalog())
    assert row.dialects == {"smoke-signals": Speaks("/v1")}
    assert row.models == ModelList()
