"""Logs that are documents and databases, rebuilt from what the clients were measured to write."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from clients.logs.said import BEGAN, CANARY, SAID, SESSION, stamp
from clients.logs.written_lines import gemini_message
from llm_gateway.canonical.usage import Usage

__all__ = ["cline", "continue_dev", "gemini_document", "llm", "opencode"]


def gemini_document(usages: Sequence[Usage]) -> bytes:
    messages = [gemini_message(index, usage) for index, usage in enumerate(usages)]
    asked = {"id": "message-user", "type": "user", "content": SAID}
    return json.dumps(
        {"sessionId": SESSION, "projectHash": "0", "messages": [asked, *messages], "summary": CANARY},
        indent=2,
    ).encode()


def cline(usages: Sequence[Usage]) -> bytes:
    messages: list[dict[str, object]] = [
        {"id": "m", "role": "user", "content": [{"type": "text", "text": SAID}], "ts": 1795700000000}
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
                "content": [{"type": "text", "text": SAID}],
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
        "system_prompt": SAID,
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def continue_dev(usages: Sequence[Usage]) -> bytes:
    steps: list[dict[str, object]] = [
        {"message": {"role": "user", "content": SAID}, "contextItems": [], "editorState": SAID}
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
        steps.append({"message": {"role": "assistant", "content": SAID, "usage": used}, "contextItems": []})
    document = {"sessionId": SESSION, "title": CANARY, "workspaceDirectory": CANARY, "history": steps}
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def opencode(path: Path, usages: Sequence[Usage]) -> None:
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


def llm(path: Path, usages: Sequence[Usage]) -> None:
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
            answer = {"content": SAID, "id": f"chatcmpl-{index}", "model": "gpt-5.5"}
            database.execute(
                "INSERT OR IGNORE INTO turns VALUES (?, ?, 'alias', ?, ?, ?, ?, ?, ?)",
                (
                    f"01m8dam{index}",
                    SESSION,
                    SAID,
                    usage.input,
                    usage.output,
                    json.dumps(details),
                    stamp(index),
                    json.dumps(answer),
                ),
            )
