"""The environment variables that mean something here, and how a secret is read from them.

Vendors' own key names are not here: they belong to the rows of the provider catalog.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from llm_gateway.errors import ConfigError
from llm_gateway.vault import Secret, check_secret

__all__ = [
    "ADDRESSES",
    "PREFIX",
    "SECRETS",
    "VARIABLES",
    "Address",
    "Variable",
    "own_secret",
    "settable",
]

PREFIX = "LLM_GATEWAY_"
_LONGEST_SECRET = 16 * 1024


class Variable(msgspec.Struct, frozen=True):
    """A variable of ours and what it is for."""

    name: str
    description: str


class Address(msgspec.Struct, frozen=True):
    """A variable that holds the base URL of a provider. `plain`: a bridge, which speaks `chat`."""

    name: str
    provider: str
    description: str
    plain: bool = True


VARIABLES = (
    Variable("LLM_GATEWAY_HOME", "Data folder; by default the platform's place for a user's data."),
    Variable("LLM_GATEWAY_CONFIG", "Configuration file; by default `gateway.toml` in the home."),
    Variable(
        "LLM_GATEWAY_MASTER_KEY_FILE",
        "File of 64 hexadecimal digits, mode 0600, that kept content is sealed with; by default `master-key` "
        "in the home, made when it is needed.",
    ),
    Variable("CHATGPT_API_URL", "Where the bridge `chatgpt` asks; OpenAI's own address by default."),
    Variable("CHATGPT_LOGIN_URL", "Where the bridge `chatgpt` signs in; OpenAI's own address by default."),
    Variable("M365_COPILOT_SERVICE_URL", "Where the bridge `m365-copilot` asks; Microsoft's by default."),
    Variable("M365_COPILOT_LOGIN_URL", "Where the bridge `m365-copilot` logs in; Microsoft's by default."),
    Variable("MICROSOFT_CLIENT_ID", "Application that the bridge `m365-copilot` logs in by."),
    Variable(
        "M365_COPILOT_ACCESS_TOKEN",
        "Access token for the bridge `m365-copilot`; with `_FILE` behind it a file, read anew each time.",
    ),
)

SECRETS: dict[str, tuple[Variable, ...]] = {
    "bootstrap_key": (
        Variable("LLM_GATEWAY_BOOTSTRAP_KEY", "A gateway key to accept, for automation; stored nowhere."),
    ),
    "dashboard_token": (
        Variable("LLM_GATEWAY_DASHBOARD_TOKEN", "What opens the dashboard, its API and the metrics."),
        Variable("DASHBOARD_AUTH_TOKEN", "An older name of the same."),
    ),
}
"""Secrets of the gateway itself; the first name that is set wins. Each name may have `_FILE` behind it."""

ADDRESSES = (
    Address("OLLAMA_URL", "ollama", "Where Ollama answers.", plain=False),
    Address("CODEX_BRIDGE_URL", "codex", "An OpenAI-compatible bridge to a Codex login."),
    Address("OPENAI_CODEX_URL", "codex", "Another name of the same."),
    Address("CLAUDE_BRIDGE_URL", "claude", "An OpenAI-compatible bridge to a Claude login."),
    Address("COPILOT_BRIDGE_URL", "github-copilot", "An OpenAI-compatible bridge to GitHub Copilot."),
    Address(
        "M365_COPILOT_BRIDGE_URL", "m365-copilot", "An OpenAI-compatible bridge to Microsoft 365 Copilot."
    ),
    Address("OPENAI_BRIDGE_URL", "openai-bridge", "An OpenAI-compatible bridge to an OpenAI login."),
    Address("CHATGPT_BRIDGE_URL", "chatgpt", "An OpenAI-compatible bridge to a ChatGPT login."),
)
"""Addresses of providers; the first name that is set wins, and one without a value counts as not set."""


def settable(name: str) -> tuple[str, ...] | None:
    """Return the setting that a name such as LLM_GATEWAY_SERVER__PORT means, None for other names."""
    if not name.startswith(PREFIX) or "__" not in name:
        return None
    return tuple(name.removeprefix(PREFIX).lower().split("__"))


def own_secret(environ: Mapping[str, str], names: tuple[Variable, ...]) -> tuple[Secret | None, str]:
    """Return a secret of the gateway's own and the variable it came from; the first name that is set wins.

    Raises ConfigError for one that protects nothing, an empty one too: it would look like protection.
    """
    for variable in names:
        name, file_name = variable.name, f"{variable.name}_FILE"
        if name in environ and file_name in environ:
            raise ConfigError(f"{name} and {file_name} are both set; keep one of them")
        if name in environ:
            check_secret(name, environ[name])
            return Secret(environ[name]), name
        if file_name in environ:
            text = _content(Path(environ[file_name]), file_name)
            check_secret(file_name, text)
            return Secret(text), file_name
    return None, ""


def _content(path: Path, named_by: str) -> str:
    """Return the text of a small file, without the line end behind it."""
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST_SECRET + 1)
    except OSError as error:
        raise ConfigError(f"{named_by}: {path} cannot be read: {error.strerror}") from error
    if len(data) > _LONGEST_SECRET:
        raise ConfigError(f"{named_by}: {path} is over {_LONGEST_SECRET} bytes, which is no secret")
    return data.decode("latin-1").strip("\r\n")
