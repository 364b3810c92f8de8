"""Frames: what each kind says, and that what is unknown or odd says nothing."""

import json

import pytest

from llm_gateway.bridges.claude.frames import (
    Ended,
    Frame,
    Opened,
    Piece,
    Quota,
    Ready,
    Request,
    Retry,
    Spoken,
    read_frame,
)
from llm_gateway.bridges.health import BridgeModel, Window

EVENT: dict[str, object] = {"type": "message_stop"}
WINDOWS = {
    "five_hour": {"utilization": 0.42, "resetsAt": 1_795_766_064, "status": "allowed"},
    "seven_days,_x": {"utilization": 1.7, "resetsAt": None, "status": "allowed_warning"},
}
LIMITS = {"status": "rejected", "resetsAt": 1_795_766_064, "rateLimitType": "x", "unifiedWindows": WINDOWS}
MODELS = [{"value": "opus", "displayName": "Opus"}, {"value": "claude-x"}]


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ({"type": "stream_event", "event": EVENT, "parent_tool_use_id": None}, "piece"),
        ({"type": "stream_event", "event": EVENT, "abandoned_blocks": {}}, "broken"),
        ({"type": "system", "subtype": "init", "session_id": "s"}, Ready("s")),
        ({"type": "system", "subtype": "init"}, Ready("")),
        (
            {
                "type": "system",
                "subtype": "api_retry",
                "attempt": 2,
                "retry_delay_ms": 571.5,
                "error_status": 401,
            },
            Retry(401, 2, 0.5715),
        ),
        (
            {"type": "system", "subtype": "api_retry", "error_status": None, "retry_delay_ms": "soon"},
            Retry(0, 0, 0),
        ),
        ({"type": "assistant", "error": "rate_limit", "api_error_status": 429}, Spoken("rate_limit", 429)),
        ({"type": "assistant", "error": "authentication_failed"}, Spoken("authentication_failed", 0)),
        (
            {"type": "rate_limit_event", "rate_limit_info": LIMITS},
            Quota(
                True,
                1_795_766_064_000_000,
                (
                    Window("5 hours", 0.42, 1_795_766_064_000_000, "allowed"),
                    Window("seven days, x", 1.0, 0, "allowed_warning"),
                ),
            ),
        ),
        ({"type": "rate_limit_event", "rate_limit_info": {"status": "allowed"}}, Quota(False, 0, ())),
        ({"type": "result", "is_error": False, "num_turns": 1}, Ended(False, 1, b"")),
        ({"type": "result", "is_error": True, "structured_output": None}, Ended(True, 0, b"")),
        ({"type": "result", "num_turns": 1}, Ended(True, 1, b"")),
        (
            {"type": "result", "is_error": False, "num_turns": 2, "structured_output": {"a": 1}},
            Ended(False, 2, b'{"a":1}'),
        ),
        (
            {"type": "control_request", "request_id": "r", "request": {"subtype": "can_use_tool"}},
            Request("r", "can_use_tool", {}),
        ),
        (
            {
                "type": "control_request",
                "request_id": "r",
                "request": {"subtype": "mcp_message", "message": EVENT},
            },
            Request("r", "mcp_message", EVENT),
        ),
        ({"type": "control_request", "request_id": "r", "request": 5}, Request("r", "", {})),
        (
            {"type": "control_response", "response": {"request_id": "x", "response": {"models": MODELS}}},
            Opened((BridgeModel("opus", "Opus"), BridgeModel("claude-x"))),
        ),
    ],
)
def test_a_line_is_read(told: dict[str, object], meant: Frame | str) -> None:
    line = json.dumps(told, separators=(",", ":")).encode() + b"\n"
    expected = Piece(b'{"type":"message_stop"}', meant == "broken") if isinstance(meant, str) else meant
    assert read_frame(line) == expected


@pytest.mark.fault("B10")
@pytest.mark.parametrize(
    "line",
    [
        b"[SandboxDebug] a line of some builds\n",
        b"\xff\n",
        b"[]\n",
        b"{\n",
        b'{"type":"assistant","message":{"content":[]}}',
        b'{"type":"stream_event","event":{"type":"x"},"parent_tool_use_id":"toolu_1"}',
        b'{"type":"stream_event"}',
        b'{"type":"system","subtype":"thinking_tokens"}',
        b'{"type":"rate_limit_event","rate_limit_info":7}',
        b'{"type":"control_request","request":{}}',
        b'{"type":"control_response","response":{"response":{}}}',
        b'{"type":"control_response","response":7}',
        b'{"type":"new_in_the_next_version"}',
    ],
)
def test_what_means_nothing_to_us_is_nothing(line: bytes) -> None:
    assert read_frame(line) is None
