"""Tell which application sent a request from what it says of itself.

A declared name wins, then the product token of its User-Agent; how each client names itself was
measured on real clients. What is not known is an `openai-compatible` program: counted, not guessed at.
"""

from functools import lru_cache

from llm_gateway.wire.headers import Headers

__all__ = ["SMOKE_CLIENT", "UNKNOWN_CLIENT", "declared_name", "identify"]

UNKNOWN_CLIENT = "openai-compatible"
SMOKE_CLIENT = "llm-gateway-smoke"

# Prefix of the User-Agent, lower case -> client id. Longer prefixes first where one begins another.
_BY_AGENT: tuple[tuple[bytes, str], ...] = (
    (b"claude-cli/", "claude-code"),
    (b"claude-code/", "claude-code"),
    (b"codex desktop/", "codex-desktop"),
    (b"codex_vscode/", "codex-ide"),
    (b"codex_", "codex-cli"),
    (b"codex-", "codex-cli"),
    (b"githubcopilot", "github-copilot"),
    (b"copilot/", "github-copilot"),
    (b"geminicli", "gemini-cli"),
    (b"opencode/", "opencode"),
    (b"qwencode/", "qwen-code"),
    (b"aider/", "aider"),
    (b"llm-gateway-smoke/", SMOKE_CLIENT),
)
_DECLARED_MAX = 64
_AGENT_MAX = 32


def identify(headers: Headers) -> str:
    """Return the id of the client that sent these headers."""
    agent = b""
    for name, value in headers:
        if name == b"user-agent":
            agent = value
        elif name == b"x-llm-gateway-client" and value:
            return declared_name(value)
    return _by_agent(agent[:_AGENT_MAX])


@lru_cache(maxsize=1024)
def _by_agent(agent: bytes) -> str:
    agent = agent.lower()
    return next((client for prefix, client in _BY_AGENT if agent.startswith(prefix)), UNKNOWN_CLIENT)


def declared_name(value: bytes) -> str:
    """Return a self-declared name as text that is safe to show: bounded, printable ASCII."""
    return "".join(
        c if c.isascii() and c.isprintable() else "?" for c in value[:_DECLARED_MAX].decode("latin-1")
    )
