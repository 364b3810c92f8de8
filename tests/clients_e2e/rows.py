"""The real clients, a row each: how it is set up in an empty HOME, how it is asked, what it says it is.

Texts are templates: `$url` is the gateway without a path, `$key` its key, `$model`, `$prompt` and
`$project` (the folder it works in). Versions stand in the folder `clients` at the top of the repository.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["CLIENTS", "CODEX_LITE", "CODEX_LOGIN", "CODEX_SOCKET", "COPILOT_SOCKET", "EVERY", "Client"]


@dataclass(frozen=True)
class Client:
    """A client with one wire. `name` is the test's, `identity` what the gateway has to know it as."""

    name: str
    dialect: str
    identity: str
    model: str
    foreign: tuple[str, ...]
    """The dialects of upstreams that it meets in every run, beside its own; a grown run has all."""
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Paths below HOME, and what stands in them."""

    def __str__(self) -> str:
        """Return the name: what a test is called by."""
        return self.name


def _token(claims: Mapping[str, object]) -> str:
    """Return an unsigned token that holds these claims."""
    parts: tuple[Mapping[str, object], ...] = ({"alg": "none", "typ": "JWT"}, claims, {})
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )


# What Codex would ask its vendor and GitHub beside its turns is switched off.
_CODEX_QUIET = """
check_for_update_on_startup = false

[analytics]
enabled = false

[otel]
metrics_exporter = "none"

[features]
plugins = false
"""
_CODEX = f"""
model = "$model"
model_provider = "gateway"
{_CODEX_QUIET}

[model_providers.gateway]
name = "LLM Gateway"
base_url = "$url/v1"
wire_api = "responses"
env_key = "GATEWAY_KEY"
supports_websockets = false
"""
# The built-in provider with another address: tries a WebSocket first.
_CODEX_BUILT_IN = f"""
model = "$model"
openai_base_url = "$url/v1"
chatgpt_base_url = "$url/backend-api/"
{_CODEX_QUIET}
"""
# A login as `codex login` leaves it, but with the gateway's key where the vendor's token would be.
# With one, the body is compressed by zstd. The other tokens are empty shells that nobody checks.
_CODEX_LOGIN = json.dumps(
    {
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": None,
        "tokens": {
            "id_token": _token(
                {
                    "email": "nobody@example.com",
                    "https://api.openai.com/auth": {
                        "chatgpt_plan_type": "plus",
                        "chatgpt_account_id": "account-of-nobody",
                        "chatgpt_user_id": "user-nobody",
                    },
                }
            ),
            "access_token": "$key",
            "refresh_token": "refresh-of-nobody",
            "account_id": "account-of-nobody",
        },
        "last_refresh": "2099-01-01T00:00:00Z",
    }
)
_CODEX_COMMAND = (
    "codex",
    "exec",
    "--skip-git-repo-check",
    "--json",
    "--dangerously-bypass-approvals-and-sandbox",
    "$prompt",
)

_COPILOT: Mapping[str, str] = {
    "COPILOT_OFFLINE": "true",
    "COPILOT_PROVIDER_BASE_URL": "$url/v1",
    "COPILOT_PROVIDER_API_KEY": "$key",
    "COPILOT_PROVIDER_HEADERS": "X-LLM-Gateway-Client: github-copilot",
    "COPILOT_MODEL": "$model",
}
_COPILOT_COMMAND = ("copilot", "-p", "$prompt", "--allow-all-tools", "--no-color")

_PI_COMMAND = ("pi", "-p", "--provider", "gateway", "--model", "$model", "$prompt")


def _pi(wire: str, dialect: str, model: str, *foreign: str) -> Client:
    path = {"messages": "", "gemini": "/v1beta"}.get(dialect, "/v1")
    provider = {
        "baseUrl": f"$url{path}",
        "api": wire,
        "apiKey": "$key",
        "headers": {"X-LLM-Gateway-Client": "pi"},
        "models": [{"id": "$model"}],
    }
    return Client(
        name=f"pi-{dialect}",
        dialect=dialect,
        identity="pi",
        model=model,
        foreign=foreign,
        command=_PI_COMMAND,
        environ={"PI_OFFLINE": "1"},
        files={".pi/agent/models.json": json.dumps({"providers": {"gateway": provider}})},
    )


CLIENTS = (
    Client(
        name="claude-code",
        dialect="messages",
        identity="claude-code",
        model="claude-opus-4-5",
        foreign=("chat",),
        command=("claude", "-p", "$prompt", "--output-format", "json", "--allowedTools", "Bash(echo:*)"),
        environ={
            "ANTHROPIC_BASE_URL": "$url",
            "ANTHROPIC_AUTH_TOKEN": "$key",
            "ANTHROPIC_MODEL": "$model",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        },
    ),
    Client(
        name="codex",
        dialect="responses",
        identity="codex-cli",
        model="gpt-5.5",
        foreign=("chat",),
        command=_CODEX_COMMAND,
        environ={"GATEWAY_KEY": "$key"},
        files={".codex/config.toml": _CODEX},
    ),
    Client(
        name="copilot-chat",
        dialect="chat",
        identity="github-copilot",
        model="gpt-5.5",
        foreign=("responses",),
        command=_COPILOT_COMMAND,
        environ={**_COPILOT, "COPILOT_PROVIDER_WIRE_API": "completions"},
    ),
    Client(
        name="copilot-responses",
        dialect="responses",
        identity="github-copilot",
        model="gpt-5.5",
        foreign=("messages",),
        command=_COPILOT_COMMAND,
        environ={**_COPILOT, "COPILOT_PROVIDER_WIRE_API": "responses"},
    ),
    Client(
        name="copilot-messages",
        dialect="messages",
        identity="github-copilot",
        model="claude-opus-4-5",
        foreign=("gemini",),
        command=_COPILOT_COMMAND,
        environ={**_COPILOT, "COPILOT_PROVIDER_TYPE": "anthropic", "COPILOT_PROVIDER_BASE_URL": "$url"},
    ),
    Client(
        name="gemini-cli",
        dialect="gemini",
        identity="gemini-cli",
        model="gemini-2.5-pro",
        foreign=("responses",),
        command=("gemini", "-m", "$model", "-p", "$prompt", "--output-format", "json", "--yolo"),
        environ={
            "GEMINI_API_KEY": "$key",
            "GOOGLE_GEMINI_BASE_URL": "$url",
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        },
        files={
            ".gemini/settings.json": json.dumps(
                {
                    "security": {"auth": {"selectedType": "gemini-api-key"}},
                    "privacy": {"usageStatisticsEnabled": False},
                }
            )
        },
    ),
    _pi("openai-completions", "chat", "gpt-5.5", "gemini", "ollama"),
    _pi("openai-responses", "responses", "gpt-5.5", "gemini", "ollama"),
    _pi("anthropic-messages", "messages", "claude-opus-4-5", "responses", "ollama"),
    _pi("google-generative-ai", "gemini", "gemini-2.5-pro", "chat", "messages", "ollama"),
    Client(
        name="llm",
        dialect="chat",
        identity="llm",
        model="gpt-5.5",
        foreign=("messages",),
        command=("llm", "-m", "through-gateway", "--functions", "$project/shell.py", "$prompt"),
        environ={"LLM_USER_PATH": "$project/.llm"},
        files={
            "project/.llm/extra-openai-models.yaml": (
                "- model_id: through-gateway\n  model_name: $model\n  api_base: $url/v1\n"
                "  api_key_name: gateway\n  supports_tools: true\n  headers: {X-LLM-Gateway-Client: llm}\n"
            ),
            "project/.llm/keys.json": json.dumps({"gateway": "$key"}),
            "project/shell.py": (
                "import subprocess\n\n\ndef run_in_shell(command: str) -> str:\n"
                '    """Run a command and return what it prints."""\n'
                "    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout\n"
            ),
        },
    ),
)
CODEX_LITE = Client(
    name="codex-lite",
    dialect="responses",
    identity="codex-cli",
    model="gpt-6-astra",
    foreign=("chat",),
    command=_CODEX_COMMAND,
    environ={"GATEWAY_KEY": "$key"},
    files={".codex/config.toml": _CODEX},
)
CODEX_LOGIN = Client(
    name="codex-login",
    dialect="responses",
    identity="codex-cli",
    model="gpt-5.5",
    foreign=("messages",),
    command=_CODEX_COMMAND,
    files={".codex/config.toml": _CODEX_BUILT_IN, ".codex/auth.json": _CODEX_LOGIN},
)
CODEX_SOCKET = Client(
    name="codex-socket",
    dialect="responses",
    identity="codex-cli",
    model="gpt-5.5",
    foreign=("gemini",),
    command=_CODEX_COMMAND,
    environ={"CODEX_API_KEY": "$key"},
    files={".codex/config.toml": _CODEX_BUILT_IN},
)
COPILOT_SOCKET = Client(
    name="copilot-socket",
    dialect="responses",
    identity="github-copilot",
    model="gpt-5.5",
    foreign=("chat",),
    command=_COPILOT_COMMAND,
    environ={
        **_COPILOT,
        "COPILOT_PROVIDER_WIRE_API": "responses",
        "COPILOT_PROVIDER_TRANSPORT": "websockets",
    },
)
EVERY = (*CLIENTS, CODEX_LITE, CODEX_LOGIN, CODEX_SOCKET, COPILOT_SOCKET)
