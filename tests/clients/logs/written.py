"""Logs as the clients write them, rebuilt from what was measured: `CANARY` where somebody's words would be.

A log is made of the answers that it is to tell of. What a reader has to find in it is beside it.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from llm_gateway.canonical.usage import Usage

__all__ = ["BEGAN", "CANARY", "LINES", "LOGS", "SESSION", "USAGES", "Written", "lines", "stamp"]

CANARY = "canary-4be1"
SESSION = "0199aaaa-5e55-7000-8000-000000000001"
BEGAN = datetime(2026, 11, 20, 8, 0, 0, tzinfo=UTC)
USAGES = (
    Usage(uncached=32, cache_read=8, output=12),
    Usage(uncached=100, output=40, reasoning=15),
    Usage(uncached=7, cache_read=900, cache_write=60, output=3),
)
_SAID = f'{CANARY} \u00fc\u4f60\U0001f30d \\n "usage": {{"input_tokens": 9}}'


def stamp(index: int) -> str:
    """Return when an answer was given."""
    return (BEGAN + timedelta(seconds=index)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lines(*values: object) -> bytes:
    """Return values as lines, as programs write them."""
    return b"".join(
        json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" for value in values
    )


def _claude(usages: Sequence[Usage]) -> bytes:
    shared = {
        "parentUuid": None,
        "isSidechain": False,
        "userType": "external",
        "entrypoint": "sdk-cli",
        "cwd": f"/home/someone/{CANARY}",
        "sessionId": SESSION,
        "version": "2.1.330",
        "gitBranch": CANARY,
    }
    told: list[object] = [
        {"type": "queue-operation", "sessionId": SESSION, "content": _SAID},
        {**shared, "type": "user", "message": {"role": "user", "content": _SAID}, "timestamp": stamp(0)},
        {"type": "api-request", "sessionId": SESSION, "id": "call-0", "querySource": "sdk", "keep": 0},
    ]
    for index, usage in enumerate(usages):
        counts = {
            "input_tokens": usage.uncached,
            "cache_creation_input_tokens": usage.cache_write,
            "cache_read_input_tokens": usage.cache_read,
            "output_tokens": usage.output,
            "output_tokens_details": {"thinking_tokens": usage.reasoning},
            "service_tier": "standard",
        }
        for block, stop in (("thinking", None), ("text", "end_turn"), ("tool_use", "end_turn")):
            message = {
                "id": f"msg_{index}",
                "type": "message",
                "role": "assistant",
                "model": "claude-opus-4-5",
                "content": [{"type": block, block: _SAID}],
                "stop_reason": stop,
                "usage": counts if stop else {**counts, "output_tokens": 1, "output_tokens_details": None},
            }
            told.append(
                {
                    **shared,
                    "message": message,
                    "requestId": f"req_{index}",
                    "requestRef": "call-0",
                    "type": "assistant",
                    "timestamp": stamp(index),
                }
            )
        told.append(
            {**shared, "type": "user", "toolUseResult": {"usage": {"input_tokens": 1}, "content": _SAID}}
        )
    told.append({"type": "last-prompt", "lastPrompt": _SAID, "sessionId": SESSION})
    return lines(*told)


def _codex(usages: Sequence[Usage]) -> bytes:
    told: list[object] = [
        {
            "timestamp": stamp(0),
            "type": "session_meta",
            "payload": {
                "session_id": SESSION,
                "id": SESSION,
                "cwd": CANARY,
                "originator": "codex_exec",
                "cli_version": "0.169.0",
                "source": "exec",
                "thread_source": "user",
                "model_provider": "openai",
                "base_instructions": {"text": _SAID},
            },
        },
        {
            "timestamp": stamp(0),
            "type": "turn_context",
            "payload": {"turn_id": "t", "cwd": CANARY, "model": "gpt-5.5"},
        },
    ]
    total = 0
    for index, usage in enumerate(usages):
        counts = {
            "input_tokens": usage.input,
            "cached_input_tokens": usage.cache_read,
            "cache_write_input_tokens": usage.cache_write,
            "output_tokens": usage.output,
            "reasoning_output_tokens": usage.reasoning,
            "total_tokens": usage.total,
        }
        total += usage.total
        sums = {**counts, "total_tokens": total}
        said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": _SAID}]}
        record = {
            "session_id": SESSION,
            "thread_id": SESSION,
            "response_id": f"resp_{index}",
            "usage": counts,
            "turn_token_usage": sums,
            "thread_token_usage": sums,
        }
        event = {
            "type": "token_count",
            "info": {"total_token_usage": sums, "last_token_usage": counts},
            "rate_limits": None,
        }
        told += [
            {"timestamp": stamp(index), "type": "response_item", "payload": said},
            {"timestamp": stamp(index), "type": "token_usage_record", "payload": record},
            {"timestamp": stamp(index), "type": "event_msg", "payload": event},
        ]
    return lines(*told)


def _copilot(usages: Sequence[Usage]) -> bytes:
    told: list[object] = [
        {
            "type": "session.start",
            "data": {
                "sessionId": SESSION,
                "version": 1,
                "copilotVersion": "1.0.102",
                "context": {"cwd": CANARY, "branch": CANARY},
            },
            "id": "event-start",
            "timestamp": stamp(0),
        },
        {"type": "user.message", "data": {"content": _SAID}, "id": "event-user", "timestamp": stamp(0)},
    ]
    for index, usage in enumerate(usages):
        counts = {
            "model": "gpt-5.5",
            "inputTokens": usage.input,
            "outputTokens": usage.output,
            "cacheReadTokens": usage.cache_read,
            "cacheWriteTokens": usage.cache_write,
            "reasoningTokens": usage.reasoning,
            "initiator": "user",
            "isByok": True,
            "providerType": "openai",
            "apiCallId": f"resp_{index}",
            "providerCallId": f"req_{index}",
        }
        told += [
            {
                "type": "session.usage_record",
                "data": {"usage": counts},
                "id": f"event-{index}",
                "timestamp": stamp(index),
            },
            {"type": "assistant.message", "data": {"content": _SAID}, "id": f"message-{index}"},
        ]
    told.append({"type": "session.shutdown", "data": {"modelMetrics": {}}, "id": "event-end"})
    return lines(*told)


def _gemini_message(index: int, usage: Usage) -> dict[str, object]:
    return {
        "id": f"message-{index}",
        "timestamp": stamp(index),
        "type": "gemini",
        "content": _SAID,
        "thoughts": [{"subject": CANARY, "description": _SAID}],
        "tokens": {
            "input": usage.input,
            "output": usage.output - usage.reasoning,
            "cached": usage.cache_read,
            "thoughts": usage.reasoning,
            "tool": 0,
            "total": usage.total,
        },
        "model": "gemini-2.5-pro",
    }


def _gemini(usages: Sequence[Usage]) -> bytes:
    begun = {"sessionId": SESSION, "projectHash": "0", "startTime": stamp(0), "kind": "main"}
    asked = {"id": "message-user", "timestamp": stamp(0), "type": "user", "content": [{"text": _SAID}]}
    told: list[object] = [begun, {"$set": {"messages": [asked], "lastUpdated": stamp(0)}}, asked]
    for index, usage in enumerate(usages):
        message = _gemini_message(index, usage)
        called = {**message, "toolCalls": [{"id": "c", "name": "shell", "args": {"command": _SAID}}]}
        told += [message, {"$set": {"lastUpdated": stamp(index)}}, called]
    return lines(*told)


def _gemini_document(usages: Sequence[Usage]) -> bytes:
    messages = [_gemini_message(index, usage) for index, usage in enumerate(usages)]
    asked = {"id": "message-user", "type": "user", "content": _SAID}
    return json.dumps(
        {"sessionId": SESSION, "projectHash": "0", "messages": [asked, *messages], "summary": CANARY},
        indent=2,
    ).encode()


def _qwen(usages: Sequence[Usage]) -> bytes:
    shared = {"sessionId": SESSION, "cwd": CANARY, "version": "0.24.4"}
    told: list[object] = [{**shared, "uuid": "u", "type": "user", "message": {"parts": [{"text": _SAID}]}}]
    for index, usage in enumerate(usages):
        event = {
            "event.name": "qwen-code.api_response",
            "event.timestamp": stamp(index),
            "response_id": f"chatcmpl-{index}",
            "model": "gpt-5.5",
            "input_token_count": usage.input,
            "output_token_count": usage.output,
            "cached_content_token_count": usage.cache_read,
            "thoughts_token_count": usage.reasoning,
            "total_token_count": usage.total,
            "response_text": _SAID,
        }
        metadata = {
            "promptTokenCount": usage.input,
            "candidatesTokenCount": usage.output,
            "cachedContentTokenCount": usage.cache_read,
            "thoughtsTokenCount": usage.reasoning,
            "totalTokenCount": usage.total,
        }
        told += [
            {
                **shared,
                "uuid": f"event-{index}",
                "timestamp": stamp(index),
                "type": "system",
                "subtype": "ui_telemetry",
                "systemPayload": {"uiEvent": event},
            },
            {
                **shared,
                "uuid": f"message-{index}",
                "timestamp": stamp(index),
                "type": "assistant",
                "model": "gpt-5.5",
                "message": {"role": "model", "parts": [{"text": _SAID}]},
                "usageMetadata": metadata,
            },
        ]
    return lines(*told)


def _pi(usages: Sequence[Usage]) -> bytes:
    told: list[object] = [
        {"type": "session", "version": 3, "id": SESSION, "timestamp": stamp(0), "cwd": CANARY},
        {"type": "message", "id": "0", "message": {"role": "user", "content": [{"text": _SAID}]}},
    ]
    for index, usage in enumerate(usages):
        message = {
            "role": "assistant",
            "content": [{"type": "text", "text": _SAID}],
            "api": "openai-responses",
            "provider": "gateway",
            "model": "gpt-5.5",
            "usage": {
                "input": usage.uncached,
                "output": usage.output,
                "cacheRead": usage.cache_read,
                "cacheWrite": usage.cache_write,
                "totalTokens": usage.total,
                "cost": {"input": 0},
            },
            "stopReason": "stop",
            "timestamp": 1795700000000 + index,
            "responseId": f"resp_{index}",
        }
        told.append({"type": "message", "id": f"{index:08x}", "timestamp": stamp(index), "message": message})
    return lines(*told)


def _cline(usages: Sequence[Usage]) -> bytes:
    messages: list[dict[str, object]] = [
        {"id": "m", "role": "user", "content": [{"type": "text", "text": _SAID}], "ts": 1795700000000}
    ]
    for index, usage in enumerate(usages):
        metrics = {
            "inputTokens": usage.input,
            "outputTokens": usage.output,
            "cacheReadTokens": usage.cache_read,
            "cacheWriteTokens": usage.cache_write,
        }
        messages.append(
            {
                "id": f"msg_{index}",
                "role": "assistant",
                "content": [{"type": "text", "text": _SAID}],
                "ts": int((BEGAN + timedelta(seconds=index)).timestamp() * 1000),
                "modelInfo": {"id": "gpt-5.5", "provider": "openai-compatible"},
                "metrics": metrics,
            }
        )
    document = {
        "version": 1,
        "agent": "lead",
        "sessionId": SESSION,
        "origin": {"source": "cli", "version": "3.0.65"},
        "messages": messages,
        "system_prompt": _SAID,
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def _continue(usages: Sequence[Usage]) -> bytes:
    steps: list[dict[str, object]] = [
        {"message": {"role": "user", "content": _SAID}, "contextItems": [], "editorState": _SAID}
    ]
    for usage in usages:
        used = {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.total,
            "prompt_tokens_details": {
                "cached_tokens": usage.cache_read,
                "cache_write_tokens": usage.cache_write,
            },
            "model": "gpt-5.5",
        }
        steps.append({"message": {"role": "assistant", "content": _SAID, "usage": used}, "contextItems": []})
    document = {"sessionId": SESSION, "title": CANARY, "workspaceDirectory": CANARY, "history": steps}
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def _opencode(path: Path, usages: Sequence[Usage]) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(
            "CREATE TABLE IF NOT EXISTS session (id text PRIMARY KEY, parent_id text, title text,"
            " version text);"
            "CREATE TABLE IF NOT EXISTS message (id text PRIMARY KEY, session_id text NOT NULL,"
            " time_created integer NOT NULL, time_updated integer NOT NULL, data text NOT NULL);"
        )
        database.execute("INSERT OR IGNORE INTO session VALUES (?, NULL, ?, '1.18.33')", (SESSION, CANARY))
        for index, usage in enumerate(usages):
            at = int((BEGAN + timedelta(seconds=index)).timestamp() * 1000)
            data = {
                "role": "assistant",
                "agent": "build",
                "path": {"cwd": CANARY, "root": CANARY},
                "tokens": {
                    "total": usage.total,
                    "input": usage.uncached,
                    "output": usage.output - usage.reasoning,
                    "reasoning": usage.reasoning,
                    "cache": {"read": usage.cache_read, "write": usage.cache_write},
                },
                "modelID": "gpt-5.5",
                "providerID": "gateway",
                "time": {"created": at, "completed": at + 50},
                "finish": "stop",
            }
            database.execute(
                "INSERT OR IGNORE INTO message VALUES (?, ?, ?, ?, ?)",
                (f"msg_{index}", SESSION, at, at, json.dumps(data)),
            )


def _llm(path: Path, usages: Sequence[Usage]) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS turns (id TEXT PRIMARY KEY, thread_id TEXT, model TEXT, prompt TEXT,"
            " input_tokens INTEGER, output_tokens INTEGER, token_details TEXT, datetime_utc TEXT,"
            " response_json TEXT)"
        )
        for index, usage in enumerate(usages):
            details = {
                "prompt_tokens_details": {"cached_tokens": usage.cache_read},
                "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
            }
            answer = {"content": _SAID, "id": f"chatcmpl-{index}", "model": "gpt-5.5"}
            database.execute(
                "INSERT OR IGNORE INTO turns VALUES (?, ?, 'alias', ?, ?, ?, ?, ?, ?)",
                (
                    f"01m8dam{index}",
                    SESSION,
                    _SAID,
                    usage.input,
                    usage.output,
                    json.dumps(details),
                    stamp(index),
                    json.dumps(answer),
                ),
            )


@dataclass(frozen=True)
class Written:
    """How a client's log is written: what it is called, and how it becomes one of these answers."""

    reader: str
    name: str
    write: Callable[[Path, Sequence[Usage]], None]
    text: Callable[[Sequence[Usage]], bytes] | None = None
    writes: bool = True
    """Whether what was written to a cache is told apart."""
    reasons: bool = True
    """Whether reasoning is told apart."""

    def usages(self, usages: Sequence[Usage] = USAGES) -> list[Usage]:
        """Return what a reader has to find."""
        return [
            Usage(
                usage.uncached + (0 if self.writes else usage.cache_write),
                usage.cache_read,
                usage.cache_write if self.writes else 0,
                usage.output,
                usage.reasoning if self.reasons else 0,
            )
            for usage in usages
        ]


def _file(
    reader: str,
    name: str,
    text: Callable[[Sequence[Usage]], bytes],
    writes: bool = True,
    reasons: bool = True,
) -> Written:
    def write(path: Path, usages: Sequence[Usage]) -> None:
        path.write_bytes(text(usages))

    return Written(reader, name, write, text, writes, reasons)


LINES = (
    _file("claude", f"{SESSION}.jsonl", _claude),
    _file("codex", f"rollout-2026-11-20T08-00-00-{SESSION}.jsonl", _codex),
    _file("copilot", "events.jsonl", _copilot),
    _file("gemini", "session-2026-11-20T08-00-0199aaaa.jsonl", _gemini, writes=False),
    _file("pi", f"2026-11-20T08-00-00-000Z_{SESSION}.jsonl", _pi, reasons=False),
    _file("qwen", f"{SESSION}.jsonl", _qwen, writes=False),
)
LOGS = (
    *LINES,
    _file("gemini", "session-2026-11-20T08-00-0199aaaa.json", _gemini_document, writes=False),
    _file("cline", f"{SESSION}.messages.json", _cline, reasons=False),
    _file("continue", f"{SESSION}.json", _continue, reasons=False),
    Written("opencode", "opencode.db", _opencode),
    Written("llm", "logs.db", _llm, writes=False),
)
