"""Names of tools and ids of calls: what is legal on either side, and the way back.

Codex groups tools in namespaces; other dialects know plain names alone. A tool of a namespace gets a name
made of both, and the note of it leads back when the model calls it.
"""

import hashlib

__all__ = ["DEFAULT_NAMESPACE", "flat_name", "legal_id", "legal_text"]

# What OpenAI and Anthropic accept as the name of a tool: [a-zA-Z0-9_-]{1,64}.
_LEGAL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_LONGEST = 64
_DIGEST = 8

DEFAULT_NAMESPACE = "functions"
"""The namespace of tools that have none: Codex looks for a call of `exec` there and nowhere else."""


def flat_name(namespace: str, name: str, *, salt: str = "") -> str:
    """Return one name for a tool of a namespace; the same one each time, with a `salt` another one."""
    if not namespace or namespace == DEFAULT_NAMESPACE:
        joined = name
    elif namespace.endswith("_") or name.startswith("_"):
        joined = f"{namespace}{name}"
    else:
        joined = f"{namespace}__{name}"
    if not salt and (joined == name or (len(joined) <= _LONGEST and _LEGAL.issuperset(joined))):
        return joined
    digest = hashlib.sha256(f"{namespace}\0{name}\0{salt}".encode("utf-8", "surrogatepass")).hexdigest()
    kept = "".join(letter if letter in _LEGAL else "_" for letter in joined)
    return f"{kept[: _LONGEST - _DIGEST - 1]}_{digest[:_DIGEST]}"


def legal_id(call_id: str) -> str:
    """Return the id of a call as OpenAI takes it: at most 64 of the usual characters."""
    if 0 < len(call_id) <= _LONGEST and _LEGAL.issuperset(call_id):
        return call_id
    return f"call_{_digest(call_id)}"


def legal_text(word: str) -> str:
    """Return a client's own word for a person or a conversation, no longer than OpenAI takes it."""
    return word if len(word) <= _LONGEST else _digest(word)


def _digest(word: str) -> str:
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()[:40]
