"""A request as a command line that can be pasted into a shell: with what is known of it, and no key.

Of what was said nothing is kept as a rule, so a short text stands for it. The key is read from the shell's
environment. Whatever came from a client or a provider is quoted, so that a shell takes it for text.
"""

import json
import re
import shlex
from collections.abc import Mapping
from urllib.parse import quote

__all__ = ["ADDRESS", "KEY", "curl"]

ADDRESS = "$LLM_GATEWAY_URL"
"""What stands for the gateway's address until a page knows by which one it was reached."""

KEY = "$LLM_GATEWAY_KEY"

_HELLO = "Hello"
_SAID = [{"role": "user", "content": _HELLO}]
# The path below the address, and what is sent beside the model.
_REQUESTS: Mapping[tuple[str, str], tuple[str, Mapping[str, object]]] = {
    ("chat", "chat/completions"): ("/v1/chat/completions", {"messages": _SAID}),
    ("chat", "completions"): ("/v1/completions", {"prompt": _HELLO}),
    ("chat", "embeddings"): ("/v1/embeddings", {"input": _HELLO}),
    ("responses", "responses"): ("/v1/responses", {"input": _HELLO}),
    ("responses", "responses/compact"): ("/v1/responses/compact", {"input": _HELLO}),
    ("messages", "messages"): ("/v1/messages", {"max_tokens": 1024, "messages": _SAID}),
    ("messages", "messages/count_tokens"): ("/v1/messages/count_tokens", {"messages": _SAID}),
    ("ollama", "chat"): ("/api/chat", {"messages": _SAID}),
    ("ollama", "generate"): ("/api/generate", {"prompt": _HELLO}),
    ("ollama", "embed"): ("/api/embed", {"input": _HELLO}),
}
_CONTENTS: Mapping[str, object] = {"contents": [{"role": "user", "parts": [{"text": _HELLO}]}]}
_CONTENT: Mapping[str, object] = {"content": {"parts": [{"text": _HELLO}]}}
_OF_MODELS: Mapping[str, Mapping[str, object]] = {
    "generateContent": _CONTENTS,
    "streamGenerateContent": _CONTENTS,
    "countTokens": _CONTENTS,
    "embedContent": _CONTENT,
}
# What a terminal takes for more than text, and halves of letters: JSON has other words for them.
_ODD = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_STREAMS = ("chat/completions", "completions", "responses", "messages", "chat", "generate")


def curl(
    dialect: str,
    operation: str,
    model: str,
    *,
    stream: bool = False,
    fields: Mapping[str, object] | None = None,
    address: str = ADDRESS,
) -> str:
    """Return the command, "" for an operation that is not one question to a model.

    `fields` is what is sent beside the model, where that is known.
    """
    if dialect == "gemini":
        said = _OF_MODELS.get(operation)
        if said is None:
            return ""
        path = f"/v1beta/models/{quote(model, safe='/')}:{operation}"
        return _command(address + path, "x-goog-api-key: ", [], dict(fields or said))
    known = _REQUESTS.get((dialect, operation))
    if known is None:
        return ""
    path, said = known
    body: dict[str, object] = {"model": model, **(fields or said)}
    if stream and operation in _STREAMS:
        body["stream"] = True
    headers = ["anthropic-version: 2023-06-01"] if dialect == "messages" else []
    return _command(address + path, "authorization: Bearer ", headers, body)


def _command(url: str, credential: str, headers: list[str], body: Mapping[str, object]) -> str:
    if url.startswith(ADDRESS):
        target = f'"{ADDRESS}"{shlex.quote(url.removeprefix(ADDRESS))}'
    else:
        target = shlex.quote(url)
    lines = [f"curl -sN {target}", f'-H "{credential}{KEY}"', "-H 'content-type: application/json'"]
    lines += [f"-H {shlex.quote(each)}" for each in headers]
    text = _ODD.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(body, ensure_ascii=False))
    lines.append(f"-d {shlex.quote(text)}")
    return " \\\n  ".join(lines)
