"""Endpoints: the address with and without its version path, the credential in its header, never in a text."""

import pytest

from llm_gateway.errors import ConfigError
from llm_gateway.providers.catalog import ProviderRow, configured_row, load_catalog
from llm_gateway.providers.endpoint import Endpoint, base_url, model_source, provider_endpoints
from llm_gateway.vault import Secret

ROWS = {row.name: row for row in load_catalog()}
ACCOUNT = {"CLOUDFLARE_ACCOUNT_ID": "ab12"}


def endpoints(row: ProviderRow, secret: Secret | None = None) -> dict[str, Endpoint]:
    return {endpoint.dialect: endpoint for endpoint in provider_endpoints(row, secret, ACCOUNT)}


def row_at(name: str, url: str, *dialects: str) -> ProviderRow:
    return configured_row(name, url, dialects, "", load_catalog())


OPERATIONS = {"chat": "chat/completions", "responses": "responses", "messages": "messages", "ollama": "chat"}


@pytest.mark.parametrize(
    ("name", "dialect", "url"),
    [
        ("ollama", "chat", "http://127.0.0.1:11434/v1/chat/completions"),
        ("ollama", "ollama", "http://127.0.0.1:11434/api/chat"),
        ("llamacpp", "chat", "http://127.0.0.1:8080/v1/chat/completions"),
        ("lmstudio", "messages", "http://127.0.0.1:1234/v1/messages"),
        ("vllm", "responses", "http://127.0.0.1:8000/v1/responses"),
        ("openai", "chat", "https://api.openai.com/v1/chat/completions"),
        ("anthropic", "messages", "https://api.anthropic.com/v1/messages"),
        ("anthropic", "chat", "https://api.anthropic.com/v1/chat/completions"),
        ("gemini", "chat", "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"),
        ("mistral", "chat", "https://api.mistral.ai/v1/chat/completions"),
        ("groq", "chat", "https://api.groq.com/openai/v1/chat/completions"),
        ("cerebras", "chat", "https://api.cerebras.ai/v1/chat/completions"),
        ("deepseek", "chat", "https://api.deepseek.com/chat/completions"),
        ("deepseek", "messages", "https://api.deepseek.com/anthropic/v1/messages"),
        ("xai", "chat", "https://api.x.ai/v1/chat/completions"),
        ("openrouter", "messages", "https://openrouter.ai/api/v1/messages"),
        ("together", "chat", "https://api.together.ai/v1/chat/completions"),
        ("fireworks", "chat", "https://api.fireworks.ai/inference/v1/chat/completions"),
        ("nvidia", "chat", "https://integrate.api.nvidia.com/v1/chat/completions"),
        ("cloudflare", "chat", "https://api.cloudflare.com/client/v4/accounts/ab12/ai/v1/chat/completions"),
    ],
)
def test_catalog_rows_lead_where_their_documentation_says(name: str, dialect: str, url: str) -> None:
    endpoint = endpoints(ROWS[name])[dialect]
    origin = endpoint.url.removesuffix(endpoint.base_path)
    assert origin + endpoint.target(OPERATIONS[dialect]).decode() == url


def test_a_gemini_operation_holds_its_model() -> None:
    endpoint = endpoints(ROWS["gemini"])["gemini"]
    assert endpoint.target("models/gemini-3:generateContent") == b"/v1beta/models/gemini-3:generateContent"


@pytest.mark.parametrize(
    ("name", "url", "paths"),
    [
        ("openai", "https://api.openai.com/v1", {"chat": "/v1"}),
        ("openai", "https://api.openai.com/v1/", {"chat": "/v1"}),
        ("openai", "https://proxy.example/team-a", {"chat": "/team-a/v1"}),
        ("openai", "https://proxy.example/team-a/v1", {"chat": "/team-a/v1"}),
        ("groq", "https://api.groq.com", {"chat": "/openai/v1"}),
        ("groq", "https://api.groq.com/openai", {"chat": "/openai/v1"}),
        ("groq", "https://api.groq.com/openai/v1", {"chat": "/openai/v1"}),
        ("gemini", "https://g.example/v1beta", {"gemini": "/v1beta", "chat": "/v1beta/openai"}),
        ("gemini", "https://g.example/v1beta/openai/", {"gemini": "/v1beta", "chat": "/v1beta/openai"}),
        ("ollama", "http://h:11434/v1", {"ollama": "/api", "chat": "/v1"}),
        ("ollama", "http://h:11434/api", {"ollama": "/api", "chat": "/v1"}),
        ("deepseek", "https://api.deepseek.com/v1", {"chat": "/v1"}),
        ("deepseek", "https://api.deepseek.com/anthropic", {"chat": "", "messages": "/anthropic/v1"}),
        ("openrouter", "https://openrouter.ai/api", {"chat": "/api/v1"}),
        ("fireworks", "https://api.fireworks.ai/inference/v1", {"messages": "/inference/v1"}),
        ("zhipu", "https://open.example/api/paas/v4", {"chat": "/api/paas/v4"}),
        ("other", "https://open.example/api/v1beta2", {"chat": "/api/v1beta2"}),
        ("other", "https://open.example/a b", {}),
        ("other", "https://open.example/ü%20x", {"chat": "/%C3%BC%20x/v1"}),
    ],
)
def test_an_address_works_with_and_without_its_version(name: str, url: str, paths: dict[str, str]) -> None:
    if not paths:
        with pytest.raises(ConfigError, match="is not a URL"):
            endpoints(row_at(name, url))
        return
    found = endpoints(row_at(name, url))
    assert {dialect: found[dialect].base_path for dialect in paths} == paths


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://h.example", ("https", "h.example", 443)),
        ("https://H.Example:8443", ("https", "h.example", 8443)),
        ("http://h.example", ("http", "h.example", 80)),
        ("http://[::1]:8080", ("http", "::1", 8080)),
        ("http://bücher.example", ("http", "xn--bcher-kva.example", 80)),
    ],
)
def test_an_origin_is_taken_apart(url: str, parts: tuple[str, str, int]) -> None:
    endpoint = endpoints(row_at("x", url))["chat"]
    assert (endpoint.scheme, endpoint.host, endpoint.port) == parts


def test_the_address_can_be_shown() -> None:
    assert endpoints(row_at("x", "http://[::1]:8080"))["chat"].url == "http://[::1]:8080/v1"
    assert endpoints(row_at("x", "https://h.example:443/"))["chat"].url == "https://h.example/v1"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "is not a URL"),
        ("htp://h", "must begin with http:// or https://"),
        ("localhost:11434", "must begin with http:// or https://"),
        ("http://", "name a host"),
        ("http://h:99999", "is not a URL"),
        ("http://[::1", "is not a URL"),
        ("http://h\n.example", "is not a URL"),
        ("http://" + "a" * 70 + ".example", "is not a URL"),
        ("https://h/v1?key=1", "a query or a fragment"),
        ("https://h/v1#x", "a query or a fragment"),
    ],
)
def test_a_bad_address_is_named_with_its_provider(url: str, message: str) -> None:
    row = ProviderRow(name="x", label="x", kind="hosted", dialects={}, base_url=url)
    with pytest.raises(ConfigError, match=message) as caught:
        provider_endpoints(row, None, {})
    assert str(caught.value).startswith("providers.x.base_url")


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="api_key_env") as caught:
        endpoints(row_at("x", "https://user:hunter2@h.example"))
    assert "hunter2" not in str(caught.value)


def test_a_variable_in_an_address_is_filled_in_and_cannot_change_the_path() -> None:
    row = ROWS["cloudflare"]
    assert base_url(row, ACCOUNT).endswith("/accounts/ab12/ai")
    assert base_url(row, {"CLOUDFLARE_ACCOUNT_ID": "../../x"}).endswith("/accounts/..%2F..%2Fx/ai")
    with pytest.raises(ConfigError, match=r"providers\.cloudflare.*CLOUDFLARE_ACCOUNT_ID"):
        base_url(row, {})


def test_the_environment_can_move_an_engine() -> None:
    assert base_url(ROWS["ollama"], {"OLLAMA_URL": "http://10.0.0.9:11434"}) == "http://10.0.0.9:11434"
    assert base_url(ROWS["ollama"], {"OLLAMA_URL": ""}) == "http://127.0.0.1:11434"


@pytest.mark.parametrize(
    ("name", "dialect", "field"),
    [
        ("openai", "chat", (b"authorization", b"Bearer sk-secret")),
        ("anthropic", "messages", (b"x-api-key", b"sk-secret")),
        ("anthropic", "chat", (b"authorization", b"Bearer sk-secret")),
        ("gemini", "gemini", (b"x-goog-api-key", b"sk-secret")),
        ("gemini", "chat", (b"authorization", b"Bearer sk-secret")),
        ("ollama", "chat", (b"authorization", b"Bearer sk-secret")),
    ],
)
def test_the_credential_travels_in_the_header_of_its_dialect(
    name: str, dialect: str, field: tuple[bytes, bytes]
) -> None:
    endpoint = endpoints(ROWS[name], Secret("sk-secret"))[dialect]
    assert endpoint.credential_headers() == [field]
    assert "sk-secret" not in repr(endpoint) + endpoint.url + str(endpoint.target("models"))


def test_no_credential_no_header() -> None:
    assert endpoints(ROWS["ollama"])["chat"].credential_headers() == []
    silent = Endpoint("x", "chat", "http", "h", 80, "/v1", auth="none", secret=Secret("s"))
    assert silent.credential_headers() == []


@pytest.mark.parametrize("text", ["two words", "line\r\nset-cookie: x", "clé", ""])
def test_a_key_that_no_header_can_carry_is_refused_unseen(text: str) -> None:
    with pytest.raises(ConfigError, match="no header can carry") as caught:
        endpoints(ROWS["openai"], Secret(text))
    assert not text or text not in str(caught.value)


def test_what_runs_in_this_process_has_no_endpoint() -> None:
    assert provider_endpoints(ROWS["demo"], None, {}) == ()


def test_usage_is_asked_for_unless_the_row_says_no() -> None:
    assert endpoints(ROWS["openai"])["chat"].asks_usage
    assert not endpoints(ROWS["mistral"])["chat"].asks_usage


@pytest.mark.parametrize(
    ("name", "dialect", "target"),
    [
        ("ollama", "ollama", b"/api/tags"),
        ("openai", "chat", b"/v1/models"),
        ("gemini", "gemini", b"/v1beta/models?pageSize=1000"),
        ("groq", "chat", b"/openai/v1/models"),
        ("deepseek", "chat", b"/models"),
        ("cloudflare", "chat", b"/client/v4/accounts/ab12/ai/models/search?per_page=1000"),
    ],
)
def test_models_are_listed_where_the_row_says(name: str, dialect: str, target: bytes) -> None:
    source = model_source(ROWS[name], provider_endpoints(ROWS[name], None, ACCOUNT))
    assert source is not None
    assert (source.endpoint.dialect, source.target, source.headers) == (dialect, target, ())


def test_a_model_list_may_need_a_header_of_its_own() -> None:
    source = model_source(ROWS["anthropic"], provider_endpoints(ROWS["anthropic"], None, {}))
    assert source is not None
    assert source.headers == ((b"anthropic-version", b"2023-06-01"),)
    assert (source.shape, source.target) == ("anthropic", b"/v1/models?limit=1000")


def test_without_the_dialect_there_is_no_list() -> None:
    assert model_source(ROWS["ollama"], ()) is None
    chat_only = tuple(e for e in provider_endpoints(ROWS["ollama"], None, {}) if e.dialect == "chat")
    assert model_source(ROWS["ollama"], chat_only) is None
