"""Items and response objects written: in the client's own terms, as its libraries read them."""

import json
from collections.abc import Callable

import msgspec
import pytest
from openai.types.responses import Response
from openai.types.responses.response_output_item import ResponseOutputItem
from pydantic import TypeAdapter

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Seal, ToolCall
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked
from llm_gateway.dialects.responses.write_output import Envelope, Writer, ending, refusal_part, text_part

TOOLS = json.dumps(
    {
        "crm__find": ["function", "crm", "find"],
        "crm__patch": ["custom", "crm", "patch"],
        **{name: [name, "", ""] for name in ("tool_search", "local_shell", "shell", "apply_patch")},
    }
)


def asked(**notes: str) -> Asked:
    return Asked("responses", "t1", "m", True, True, 1_790_000_000, notes=notes)


def writer(losses: Losses | None = None) -> Writer:
    return Writer(asked(tools=TOOLS), losses or Losses())


def valid(item: dict[str, object]) -> dict[str, object]:
    TypeAdapter[object](ResponseOutputItem).validate_python(item)
    return item


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            ToolCall("c", "f", "{}"),
            {"type": "function_call", "id": "fc_t1_3", "name": "f", "arguments": "{}"},
        ),
        (
            ToolCall("c", "p", "x", custom=True),
            {"type": "custom_tool_call", "id": "ctc_t1_3", "name": "p", "input": "x"},
        ),
        (
            ToolCall("c", "crm__find", "{}"),
            {
                "type": "function_call",
                "id": "fc_t1_3",
                "name": "find",
                "namespace": "crm",
                "arguments": "{}",
            },
        ),
        (
            ToolCall("c", "crm__patch", "x", custom=True),
            {"type": "custom_tool_call", "id": "ctc_t1_3", "name": "patch", "namespace": "crm", "input": "x"},
        ),
        (
            ToolCall("c", "tool_search", '{"query":"q"}'),
            {
                "type": "tool_search_call",
                "id": "tsc_t1_3",
                "execution": "client",
                "arguments": {"query": "q"},
            },
        ),
        (
            ToolCall("c", "local_shell", '{"command":["ls"],"timeout_ms":5}'),
            {
                "type": "local_shell_call",
                "id": "lsh_t1_3",
                "action": {"type": "exec", "command": ["ls"], "env": {}, "timeout_ms": 5},
            },
        ),
        (
            ToolCall("c", "shell", '{"commands":["ls"]}'),
            {"type": "shell_call", "id": "sh_t1_3", "action": {"commands": ["ls"]}},
        ),
        (
            ToolCall("c", "apply_patch", '{"type":"delete_file","path":"a"}'),
            {
                "type": "apply_patch_call",
                "id": "apc_t1_3",
                "operation": {"type": "delete_file", "path": "a"},
            },
        ),
    ],
)
def test_calls_in_the_clients_own_terms(call: ToolCall, told: dict[str, object]) -> None:
    item = valid(writer().call(3, call))
    assert item == {**told, "call_id": "c", "status": "completed"}


def test_arguments_that_are_no_json_are_reported() -> None:
    losses = Losses()
    item = writer(losses).call(0, ToolCall("c", "tool_search", "not JSON"))
    assert item["arguments"] == {}
    assert [loss.what for loss in losses.found()] == ["response.arguments"]
    assert writer().call(0, ToolCall("c", "shell", ""))["action"] == {"commands": []}


def test_messages_and_thinking() -> None:
    content = [text_part("a"), refusal_part("no")]
    assert valid(writer().message(0, content, "incomplete")) == {
        "id": "msg_t1_0",
        "type": "message",
        "status": "incomplete",
        "role": "assistant",
        "content": [
            {"type": "output_text", "text": "a", "annotations": [], "logprobs": []},
            {"type": "refusal", "refusal": "no"},
        ],
    }
    assert valid(writer().reasoning(1, "hm", Seal("messages", "s"))) == {
        "id": "rs_t1_1",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "lgw1.messages.s",
    }
    assert writer().reasoning(1, "") == {"id": "rs_t1_1", "type": "reasoning", "summary": []}
    hidden = writer().reasoning(1, "", Seal("messages", "s"), redacted=True)
    assert hidden["encrypted_content"] == "lgw1r.lgw1.messages.s"
    assert writer().call_seal(1, Seal("gemini", "s"))["encrypted_content"] == "lgw1c.lgw1.gemini.s"


def test_the_response_object() -> None:
    envelope = Envelope(asked(echo='"tools":[],"tool_choice":"none","parallel_tool_calls":false'))
    body = envelope.written("incomplete", [], Usage(3, 2, 1, 5, 4), reason="max_output_tokens")
    response = json.loads(body)
    TypeAdapter(Response).validate_python(response)
    assert envelope.id == response["id"] == "resp_t1"
    assert response["usage"] == {
        "input_tokens": 6,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 11,
    }
    assert (response["created_at"], response["model"], response["status"]) == (
        1_790_000_000,
        "m",
        "incomplete",
    )
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["tool_choice"] == "none"
    failed = json.loads(envelope.written("failed", [], error={"code": "server_error", "message": "no"}))
    assert failed["error"] == {"code": "server_error", "message": "no"}
    assert (failed["usage"], failed["incomplete_details"]) == (None, None)


@pytest.mark.parametrize(
    ("finish", "sequence", "reason", "lost"),
    [
        ("stop", "", "", []),
        ("tool_calls", "", "", []),
        ("refusal", "", "", []),
        ("other", "", "", ["response.finish_reason"]),
        ("length", "", "max_output_tokens", []),
        ("content_filter", "", "content_filter", []),
        ("stop_sequence", "END", "", ["response.stop_sequence"]),
        ("pause", "", "", ["response.pause"]),
    ],
)
def test_endings(finish: Finish, sequence: str, reason: str, lost: list[str]) -> None:
    losses = Losses()
    assert ending(finish, sequence, losses, refused=True) == reason
    assert [loss.what for loss in losses.found()] == lost


def test_an_answer_that_declines_in_plain_text_does_not_say_so() -> None:
    losses = Losses()
    assert ending("refusal", "", losses, refused=False) == ""
    assert [loss.what for loss in losses.found()] == ["response.refusal"]


@pytest.mark.parametrize(
    ("clock", "at"),
    [
        (None, 1_790_000_000),
        (lambda: 1_790_000_009_999_999, 1_790_000_009),
        (lambda: 1_600_000_000_000_000, 1_790_000_000),  # the machine's clock was set back
    ],
)
def test_when_an_answer_was_complete_is_told_of_one_that_is(clock: Callable[[], int] | None, at: int) -> None:
    envelope = Envelope(msgspec.structs.replace(asked(), clock=clock))
    for status in ("in_progress", "incomplete", "failed"):
        assert json.loads(envelope.written(status, []))["completed_at"] is None
    assert json.loads(envelope.written("completed", []))["completed_at"] == at
