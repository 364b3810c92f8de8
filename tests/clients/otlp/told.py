"""Exports as clients send them, rebuilt from what was measured: `CANARY` wherever a person's words may stand.

An export is a value in OTLP's JSON; `in_protobuf` has it written by the official messages instead.
"""

import base64
import json
from collections.abc import Mapping

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from llm_gateway.clients.otlp.batches import Signal

__all__ = [
    "AT_NS",
    "CANARY",
    "EXPORTS",
    "SESSION",
    "STAMP",
    "attributes",
    "event",
    "in_json",
    "in_protobuf",
    "logs",
    "span",
    "traces",
]

CANARY = "canary-7f31"
SESSION = "0199aaaa-5e55-7000-8000-000000000001"
STAMP = "2026-11-20T08:00:00.250Z"
AT_NS = 1_795_161_600_250_000_000

Told = Mapping[str, str | int | float | bool]

# Where a client is, who runs it, what it was started with: what resources are full of.
_ABOUT: Told = {
    "host.name": CANARY,
    "process.owner": CANARY,
    "process.executable.path": f"/home/{CANARY}/bin",
    "user.email": f"{CANARY}@example.org",
}
_ASIDE: Told = {
    "prompt": CANARY,
    "prompt_text": f"please {CANARY}",
    "user.id": CANARY,
    "user.email": f"{CANARY}@example.org",
    "user.account_id": CANARY,
    "cwd": f"/home/{CANARY}",
    "gen_ai.system_instructions": CANARY,
    "gen_ai.input.messages": CANARY,
}
_LIST = {"key": "process.command_args", "value": {"arrayValue": {"values": [{"stringValue": CANARY}]}}}
_MAP = {"key": "session.id", "value": {"kvlistValue": {"values": [_LIST]}}}
_NOTHING = {"key": "model", "value": {}}

_MESSAGES = {
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "traces": ExportTraceServiceRequest,
}


def attributes(told: Told) -> list[dict[str, object]]:
    """Return attributes with 64-bit numbers as texts, as the mapping to JSON has them."""
    kinds = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}
    return [
        {"key": key, "value": {kinds[type(value)]: str(value) if type(value) is int else value}}
        for key, value in told.items()
    ]


def event(name: str, told: Told, at_ns: int = AT_NS) -> dict[str, object]:
    """Return a log record of an event, among everything that is none of ours."""
    return {
        "timeUnixNano": "0",
        "observedTimeUnixNano": str(at_ns),
        "severityNumber": 9,
        "severityText": CANARY,
        "body": {"stringValue": f"{CANARY} said"},
        "flags": 1,
        "attributes": [
            _NOTHING,
            _MAP,
            *attributes({**_ASIDE, "event.name": name, "event.timestamp": STAMP, **told}),
            _LIST,
        ],
    }


def span(ids: tuple[str, str], told: Told, at_ns: int = AT_NS, trace: str = "0a") -> dict[str, object]:
    """Return a span with its id and its parent's, two digits each, among everything that is none of ours."""
    own, parent = ids
    return {
        "traceId": trace * 16,
        "spanId": own * 8,
        "parentSpanId": parent * 8,
        "name": f"chat {CANARY}",
        "kind": 3,
        "startTimeUnixNano": str(at_ns - 1_000_000_000),
        "endTimeUnixNano": str(at_ns),
        "attributes": [*attributes({**_ASIDE, **told}), _LIST],
        "events": [{"timeUnixNano": str(at_ns), "name": CANARY, "attributes": attributes(_ASIDE)}],
        "status": {"message": CANARY, "code": 0},
    }


def logs(service: str, scope: str, *records: object) -> dict[str, object]:
    """Return an export of log records."""
    scopes = [{"scope": {"name": scope, "version": "1"}, "logRecords": list(records)}]
    return {"resourceLogs": [{"resource": _resource(service), "scopeLogs": scopes, "schemaUrl": CANARY}]}


def traces(service: str, *spans: object) -> dict[str, object]:
    """Return an export of spans."""
    scopes = [{"scope": {"name": CANARY}, "spans": list(spans)}]
    return {"resourceSpans": [{"resource": _resource(service), "scopeSpans": scopes}]}


def in_json(export: object) -> bytes:
    """Return an export as exporters write it."""
    return json.dumps(export, separators=(",", ":")).encode()


def in_protobuf(export: object, signal: Signal) -> bytes:
    """Return an export as the official messages write it. Ids are hex in OTLP's JSON and base64 in others."""
    message = _MESSAGES[signal]()
    json_format.Parse(json.dumps(_with_base64(export)), message, ignore_unknown_fields=True)
    return bytes(message.SerializeToString())


def _resource(service: str) -> dict[str, object]:
    named = {"service.name": service, "service.version": "1.2.3"}
    return {"attributes": [*attributes({**_ABOUT, **named}), _LIST]}


def _with_base64(value: object, key: str = "") -> object:
    match value:
        case dict():
            return {name: _with_base64(each, name) for name, each in value.items()}
        case list():
            return [_with_base64(each) for each in value]
        case str() if key in ("traceId", "spanId", "parentSpanId"):
            return base64.b64encode(bytes.fromhex(value)).decode()
    return value


_CLAUDE: Told = {
    "session.id": SESSION,
    "event.sequence": 6,
    "anthropic.custom_base_url": False,
    "anthropic.provider": "firstParty",
    "model": "claude-opus-5-5",
    "input_tokens": 83,
    "output_tokens": 4,
    "cache_read_tokens": 16,
    "cache_creation_tokens": 5,
    "cost_usd": 0.5,
    "request_id": "req_1",
    "query_source": "sdk",
}
_CODEX: Told = {
    "conversation.id": SESSION,
    "event.kind": "response.completed",
    "originator": "codex_exec",
    "app.version": "0.169.0",
    "model": "gpt-5.5",
    "input_token_count": "83",
    "output_token_count": "9",
    "cached_token_count": 16,
    "cache_write_token_count": 3,
    "reasoning_token_count": 5,
    "tool_token_count": "92",
}
_GEMINI: Told = {
    "session.id": SESSION,
    "model": "gemini-2.5-flash",
    "input_token_count": 83,
    "output_token_count": 4,
    "cached_content_token_count": 16,
    "thoughts_token_count": 7,
    "tool_token_count": 2,
    "total_token_count": 96,
    "role": "main",
}
_DETAILS: Told = {
    "session.id": SESSION,
    "gen_ai.response.id": "answer-1",
    "gen_ai.usage.input_tokens": 83,
    "gen_ai.usage.output_tokens": 4,
    "server.address": "generativelanguage.googleapis.com",
}
_COPILOT: Told = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-5.5",
    "gen_ai.response.model": "gpt-5.5-2026",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.conversation.id": SESSION,
    "gen_ai.usage.input_tokens": 83,
    "gen_ai.usage.output_tokens": 9,
    "gen_ai.usage.cache_read.input_tokens": 16,
    "gen_ai.usage.cache_creation.input_tokens": 3,
    "gen_ai.usage.reasoning.output_tokens": 5,
    "server.address": "api.githubcopilot.example",
    "github.copilot.initiator": "user",
}
_AGENT: Told = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.conversation.id": SESSION,
    "gen_ai.usage.input_tokens": 83,
    "gen_ai.usage.output_tokens": 9,
}

EXPORTS: dict[str, tuple[Signal, dict[str, object]]] = {
    "claude": (
        "logs",
        logs(
            "claude-code",
            "com.anthropic.claude_code.events",
            event("user_prompt", {"session.id": SESSION}),
            event("api_request", _CLAUDE),
            event("assistant_response", {"response": CANARY, "request_id": "req_1"}),
        ),
    ),
    "codex": (
        "logs",
        logs(
            "codex_exec",
            "codex_otel.log_only",
            event("codex.conversation_starts", {"conversation.id": SESSION, "provider_name": "LLM Gateway"}),
            event("codex.sse_event", {"conversation.id": SESSION, "event.kind": "response.created"}),
            event("codex.sse_event", _CODEX),
            event("codex.websocket_event", {"conversation.id": SESSION, "event.kind": "response.completed"}),
        ),
    ),
    "gemini": (
        "logs",
        logs(
            "gemini-cli",
            "gemini-cli",
            event("gemini_cli.api_request", {"session.id": SESSION, "request_text": CANARY}),
            event("gemini_cli.api_response", {**_GEMINI, "response_text": CANARY}),
            event("gen_ai.client.inference.operation.details", _DETAILS),
        ),
    ),
    "copilot": (
        "traces",
        traces("github-copilot", span(("02", "01"), _COPILOT), span(("01", ""), _AGENT)),
    ),
    "somebody": (
        "traces",
        traces("somebody's tool", span(("02", ""), {**_COPILOT, "gen_ai.usage.input_tokens": 10})),
    ),
}
"""One answer each, by who tells of it."""
