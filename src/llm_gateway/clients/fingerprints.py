"""Tell which application sent a request, of which conversation it is, and whether a person asked for it.

The key that an application was given says most; then its own word; then how it names itself in its
User-Agent, as its row of the catalog has it from real clients. What is not known is an `openai-compatible`
program: counted, not guessed at. Calls that applications make for themselves are told by their row, too.
"""

from collections.abc import Mapping
from functools import lru_cache

import msgspec
from msgspec import Raw

from llm_gateway.clients.catalog import Background, catalog
from llm_gateway.wire.headers import Headers

__all__ = [
    "DASHBOARD_CLIENT",
    "OURS",
    "SESSION_HEADERS",
    "SMOKE_CLIENT",
    "UNKNOWN_CLIENT",
    "Said",
    "background",
    "declared_name",
    "identify",
]

UNKNOWN_CLIENT = "openai-compatible"
SMOKE_CLIENT = "llm-gateway-smoke"
DASHBOARD_CLIENT = "llm-gateway-dashboard"
OURS = frozenset((SMOKE_CLIENT, DASHBOARD_CLIENT))
"""What asks for the gateway's own sake: no application, and nothing of it is anybody's use."""

SESSION_HEADERS = (
    b"x-claude-code-session-id",
    b"session-id",
    b"session_id",
    b"thread-id",
    b"x-session-id",
    b"x-session-affinity",
)
"""What a conversation is called in the headers of Claude Code, of Codex (both spellings) and of opencode."""

# code.claude.com, gateway protocol: only a sub-agent's requests name the agent that made it.
_SUB_AGENT = b"x-claude-code-parent-agent-id"
_DECLARED_MAX = 64
_AGENT_MAX = 96


class Said(msgspec.Struct, frozen=True):
    """What headers say: the client, how that was told (`key`, `declared`, `agent` or ""), the conversation.

    `label` is the kind of call where the headers tell that no person asked for it.
    """

    client: str = UNKNOWN_CLIENT
    told_by: str = ""
    session: str = ""
    label: str = ""


def identify(headers: Headers, client_of_key: str = "") -> Said:
    """Return who sent these headers. A part of the program that the key is for is that part."""
    agent = declared = session = b""
    rank = len(SESSION_HEADERS)
    label = ""
    for name, value in headers:
        if name == b"user-agent":
            agent = value
        elif name == b"x-llm-gateway-client":
            declared = value
        elif name in SESSION_HEADERS:
            if value and (place := SESSION_HEADERS.index(name)) < rank:
                session, rank = value, place
        elif name == _SUB_AGENT:
            label = "sub-agent"
    by_agent = _by_agent(agent[:_AGENT_MAX])
    told = declared_name(session) if session else ""
    if client_of_key:
        row = catalog().get(by_agent)
        part = row is not None and row.part_of == client_of_key
        return Said(by_agent if part else client_of_key, "key", told, label)
    if declared:
        return Said(declared_name(declared), "declared", told, label)
    return Said(by_agent, "" if by_agent == UNKNOWN_CLIENT else "agent", told, label)


def background(client: str, operation: str, stream: bool, fields: Mapping[str, Raw]) -> str:
    """Return what kind of call an application made for itself, by its body's members; "" for a person's."""
    rules = _rules().get(client)
    if rules is None:
        return ""
    for rule in rules:
        if _applies(rule, operation, stream, fields):
            return rule.label
    return ""


def declared_name(value: bytes) -> str:
    """Return a self-declared name as text that is safe to show: bounded, printable ASCII."""
    return "".join(
        c if c.isascii() and c.isprintable() else "?" for c in value[:_DECLARED_MAX].decode("latin-1")
    )


@lru_cache(maxsize=1)
def _agents() -> tuple[tuple[bytes, str], ...]:
    """Return the beginnings of user agents, lower case, with their clients: longer ones first."""
    found = [(text.lower().encode(), row.id) for row in catalog().values() for text in row.agents]
    found.append((b"llm-gateway-smoke/", SMOKE_CLIENT))
    return tuple(sorted(found, key=lambda each: -len(each[0])))


@lru_cache(maxsize=1)
def _entries() -> tuple[tuple[bytes, str], ...]:
    """Return how programs that are one executable say what started them, with their clients."""
    return tuple((text.lower().encode(), row.id) for row in catalog().values() for text in row.entries)


@lru_cache(maxsize=1)
def _rules() -> dict[str, tuple[Background, ...]]:
    return {row.id: row.background for row in catalog().values() if row.background}


@lru_cache(maxsize=1024)
def _by_agent(agent: bytes) -> str:
    agent = agent.lower()
    for entry, client in _entries():
        if entry in agent:
            return client
    return next((client for start, client in _agents() if agent.startswith(start)), UNKNOWN_CLIENT)


def _applies(rule: Background, operation: str, stream: bool, fields: Mapping[str, Raw]) -> bool:
    if rule.operation and rule.operation != operation:
        return False
    if rule.stream is not None and rule.stream != stream:
        return False
    for name in rule.empty:
        if bytes(fields.get(name, b"")) not in (b"", b"[]", b"null"):
            return False
    return all(text.encode() in bytes(fields.get(name, b"")) for name, text in rule.holds.items())
