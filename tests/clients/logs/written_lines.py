"""Logs with a JSON value a line, rebuilt from what the clients were measured to write."""

from collections.abc import Sequence

from clients.logs.said import CANARY, SAID, SESSION, lines, stamp
from llm_gateway.canonical.usage import Usage

__all__ = ["claude", "codex", "copilot", "gemini", "gemini_message", "pi", "qwen"]


def claude(usages: Sequence[Usage]) -> bytes:
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
        {"type": "queue-operation", "sessionId": SESSION, "content": SAID},
        {**shared, "type": "user", "message": {"role": "user", "content": SAID}, "timestamp": stamp(0)},
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
                "content": [{"type": block, block: SAID}],
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
            {**shared, "type": "user", "toolUseResult": {"usage": {"input_tokens": 1}, "content": SAID}}
        )
    told.append({"type": "last-prompt", "lastPrompt": SAID, "sessionId": SESSION})
    return lines(*told)


def _codex_begins() -> list[object]:
    return [
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
                "base_instructions": {"text": SAID},
            },
        },
        {
            "timestamp": stamp(0),
            "type": "turn_context",
            "payload": {"turn_id": "t", "cwd": CANARY, "model": "gpt-5.5"},
        },
    ]


def codex(usages: Sequence[Usage]) -> bytes:
    told = _codex_begins()
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
        said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": SAID}]}
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


def copilot(usages: Sequence[Usage]) -> bytes:
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
        {"type": "user.message", "data": {"content": SAID}, "id": "event-user", "timestamp": stamp(0)},
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
            {"type": "assistant.message", "data": {"content": SAID}, "id": f"message-{index}"},
        ]
    told.append({"type": "session.shutdown", "data": {"modelMetrics": {}}, "id": "event-end"})
    return lines(*told)


def gemini_message(index: int, usage: Usage) -> dict[str, object]:
    return {
        "id": f"message-{index}",
        "timestamp": stamp(index),
        "type": "gemini",
        "content": SAID,
        "thoughts": [{"subject": CANARY, "description": SAID}],
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


def gemini(usages: Sequence[Usage]) -> bytes:
    begun = {"sessionId": SESSION, "projectHash": "0", "startTime": stamp(0), "kind": "main"}
    asked = {"id": "message-user", "timestamp": stamp(0), "type": "user", "content": [{"text": SAID}]}
    told: list[object] = [begun, {"$set": {"messages": [asked], "lastUpdated": stamp(0)}}, asked]
    for index, usage in enumerate(usages):
        message = gemini_message(index, usage)
        called = {**message, "toolCalls": [{"id": "c", "name": "shell", "args": {"command": SAID}}]}
        told += [message, {"$set": {"lastUpdated": stamp(index)}}, called]
    return lines(*told)


def qwen(usages: Sequence[Usage]) -> bytes:
    shared = {"sessionId": SESSION, "cwd": CANARY, "version": "0.24.4"}
    told: list[object] = [{**shared, "uuid": "u", "type": "user", "message": {"parts": [{"text": SAID}]}}]
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
            "response_text": SAID,
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
                "message": {"role": "model", "parts": [{"text": SAID}]},
                "usageMetadata": metadata,
            },
        ]
    return lines(*told)


def pi(usages: Sequence[Usage]) -> bytes:
    told: list[object] = [
        {"type": "session", "version": 3, "id": SESSION, "timestamp": stamp(0), "cwd": CANARY},
        {"type": "message", "id": "0", "message": {"role": "user", "content": [{"text": SAID}]}},
    ]
    for index, usage in enumerate(usages):
        message = {
            "role": "assistant",
            "content": [{"type": "text", "text": SAID}],
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
