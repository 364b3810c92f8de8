"""How a session of the program is started, so that it is a plain model: the client's prompt, tools and form.

Nothing of the program's own is left: no tools, no settings, no servers, no stored session. What a client
says is not among the arguments, which everybody on the machine can read; it goes in with the opening.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from llm_gateway.bridges.claude.tools import PREFIX, SERVER, offered
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Effort, Format, Reasoning, Request
from llm_gateway.dialects.messages.members import Json

__all__ = ["RESUMING", "Launch", "launch_of"]

_PLAIN = (
    *("-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"),
    *("--include-partial-messages", "--tools", "", "--setting-sources=", "--strict-mcp-config"),
    *("--no-session-persistence", "--disable-slash-commands"),
    *("--permission-mode", "dontAsk"),
)
# A call waits for an hour, and none becomes a task in the background: we end what nobody comes back to.
_SERVER: Json = {"type": "sdk", "name": SERVER, "timeout": 3_600_000, "disableAutoBackground": True}
_SERVERS = msgspec.json.encode({"mcpServers": {SERVER: _SERVER}}).decode()
_EFFORTS: dict[Effort, str] = {"minimal": "low"}
_ANY_JSON = b'{"type":"object"}'

RESUMING = {"CLAUDE_CODE_RESUME_INTERRUPTED_TURN": "1", "CLAUDE_CODE_RESUME_PROMPT": "Go on."}
"""What makes the program go on with a stored conversation that ends with results of tools. It adds the
prompt where nothing follows the results (code.claude.com, "Environment variables")."""


class Launch(msgspec.Struct, frozen=True):
    """What a session is for. `schema` is the form of its answers, `tools` as an MCP server lists them."""

    model: str
    system: str
    tools: tuple[Json, ...] = ()
    schema: bytes = b""
    effort: str = ""
    thinking: str = ""
    budget: int = 0
    shown: bool | None = None

    @property
    def key(self) -> str:
        """Return what tells it from others."""
        return hashlib.blake2b(msgspec.json.encode(self), digest_size=16).hexdigest()

    def arguments(self, history: Path | None) -> Sequence[str]:
        """Return the program's arguments; `history` is the conversation to go on with."""
        told = [*_PLAIN, f"--model={self.model}"]
        if self.tools:
            told += (f"--mcp-config={_SERVERS}", f"--allowedTools={PREFIX[:-2]}")
        if self.effort:
            told.append(f"--effort={self.effort}")
        if self.thinking:
            told.append(f"--thinking={self.thinking}")
        if self.budget:
            told.append(f"--max-thinking-tokens={self.budget}")
        if self.shown is not None and self.thinking != "disabled":
            told.append(f"--thinking-display={'summarized' if self.shown else 'omitted'}")
        if history is not None:
            told.append(f"--resume={history}")
        return told

    def opening(self) -> Json:
        """Return the request that opens the control channel."""
        told: dict[str, object] = {"subtype": "initialize", "hooks": None, "systemPrompt": self.system}
        if self.schema:
            told["jsonSchema"] = msgspec.Raw(self.schema)
        return told


def launch_of(model: str, system: str, request: Request, losses: Losses) -> Launch:
    """Return what a session has to be for a request."""
    effort, thinking, budget, shown = _thought(request.reasoning)
    return Launch(
        model, system, offered(request, losses), _schema(request.format), effort, thinking, budget, shown
    )


def _schema(form: Format | None) -> bytes:
    if form is None:
        return b""
    return bytes(form.schema) if form.kind == "schema" and form.schema is not None else _ANY_JSON


def _thought(reasoning: Reasoning | None) -> tuple[str, str, int, bool | None]:
    """Return effort, kind of thinking, budget, whether it is shown; "", 0, None leave it to the program."""
    if reasoning is None:
        return "", "", 0, None
    if reasoning.effort == "none" or reasoning.budget == 0:
        return "", "disabled", 0, None
    effort = _EFFORTS.get(reasoning.effort, reasoning.effort) if reasoning.effort is not None else ""
    return effort, "", reasoning.budget or 0, reasoning.shown is not False
