"""Which answers may be given twice, in every dialect's words; and that no two requests share a name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.dialects.contract import Call, Path, Seen
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.pipeline.authenticate import Credential, Identity
from llm_gateway.pipeline.plan import Step
from llm_gateway.pipeline.repeatable import is_good, name_of, targeted, why_not
from llm_gateway.pipeline.sender import Sender
from llm_gateway.pipeline.turn import Caller
from llm_gateway.upstream.client import Line
from pipeline_stage import endpoint

SAID = {"role": "user", "content": "Guten Tag"}
CONTENTS = [{"role": "user", "parts": [{"text": "Guten Tag"}]}]
PLAIN: dict[str, tuple[str, dict[str, object]]] = {
    "chat": ("chat/completions", {"messages": [SAID], "tools": [{"type": "function"}]}),
    "responses": ("responses", {"input": [SAID], "store": False, "tools": [{"type": "function"}]}),
    "messages": ("messages", {"messages": [SAID], "max_tokens": 5, "tools": [{"name": "look"}]}),
    "gemini": ("generateContent", {"contents": CONTENTS, "tools": [{"functionDeclarations": []}]}),
    "ollama": ("chat", {"messages": [SAID], "tools": [{"type": "function"}]}),
}
RESULTS: list[tuple[str, object]] = [
    ("chat", {"role": "tool", "tool_call_id": "c", "content": "3 °C"}),
    ("chat", {"content": "3 °C", "name": "look", "role": "function"}),
    ("responses", {"type": "function_call_output", "call_id": "c", "output": "3 °C"}),
    ("responses", {"type": "custom_tool_call_output", "call_id": "c", "output": "3 °C"}),
    ("responses", {"type": "web_search_call", "id": "w"}),
    ("messages", {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}),
    ("messages", {"role": "assistant", "content": [{"type": "web_search_tool_result"}]}),
    ("gemini", {"role": "user", "parts": [{"functionResponse": {"name": "look"}}]}),
    ("gemini", {"role": "user", "parts": [{"function_response": {"name": "look"}}]}),
    ("gemini", {"role": "model", "parts": [{"codeExecutionResult": {"output": "3"}}]}),
    ("ollama", {"role": "tool", "content": "3 °C"}),
]
CONVERSATION = {"responses": "input", "gemini": "contents"}


def call(dialect: str, body: bytes, operation: str = "") -> Call:
    usual = operation or PLAIN[dialect][0]
    return DIALECTS[dialect].read_call(body, Path(usual, "first/m" if dialect == "gemini" else ""))


def plain(dialect: str, **more: object) -> bytes:
    return json.dumps({"model": "first/m", **PLAIN[dialect][1], **more}).encode()


def why(dialect: str, body: bytes, operation: str = "", *, results: bool = False) -> str:
    return why_not(call(dialect, body, operation), DIALECTS[dialect], results=results)


@pytest.mark.parametrize("dialect", PLAIN)
def test_what_a_model_is_asked_without_more_may_be_given_twice(dialect: str) -> None:
    assert why(dialect, plain(dialect)) == ""


@pytest.mark.parametrize(("dialect", "result"), RESULTS)
def test_what_tools_gave_is_as_old_as_it_is(dialect: str, result: object) -> None:
    name = CONVERSATION.get(dialect, "messages")
    first = PLAIN[dialect][1][name]
    assert isinstance(first, list)
    body = plain(dialect, **{name: [*first, result]})
    assert why(dialect, body) == "tool-results"
    assert why(dialect, json.dumps(json.loads(body), separators=(",", ":")).encode()) == "tool-results"
    assert why(dialect, body, results=True) == ""


def test_no_other_spelling_hides_a_result() -> None:
    body = plain("chat", messages=[SAID, {"role": "tool", "content": "ä"}])
    hidden = body.replace(b'"tool", "content"', b'"\\u0074ool", "content"')
    assert hidden != body
    assert why("chat", hidden) == "tool-results"
    unreadable = b'{"model": "first/m", "messages": ["\\u0041\xff"]}'
    assert why("chat", unreadable) == "tool-results", "what cannot be read may hold one"


@pytest.mark.parametrize("dialect", PLAIN)
def test_what_is_said_of_tools_is_no_result(dialect: str) -> None:
    text = 'say {"role": "tool"} and "type": "tool_result" and "functionResponse":'
    said: dict[str, object] = {"messages": [{"role": "user", "content": text}]}
    if dialect == "responses":
        said = {"input": text}
    if dialect == "gemini":
        said = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    assert why(dialect, plain(dialect, **said)) == ""


@pytest.mark.parametrize(
    ("dialect", "operation", "body"),
    [
        ("chat", "embeddings", {"model": "first/m", "input": "x"}),
        ("gemini", "embedContent", {"content": {"parts": [{"text": "x"}]}}),
        ("ollama", "generate", {"model": "first/m", "prompt": "x"}),
        ("ollama", "embed", {"model": "first/m", "input": "x"}),
    ],
)
def test_so_may_embeddings_and_what_completes_a_prompt(
    dialect: str, operation: str, body: dict[str, object]
) -> None:
    assert why(dialect, json.dumps(body).encode(), operation) == ""


@pytest.mark.parametrize(
    ("dialect", "operation", "body"),
    [
        ("chat", "completions", {"prompt": "x"}),
        ("messages", "messages/count_tokens", PLAIN["messages"][1]),
        ("gemini", "countTokens", PLAIN["gemini"][1]),
        ("responses", "responses/input_tokens", PLAIN["responses"][1]),
        ("responses", "responses/compact", PLAIN["responses"][1]),
        ("ollama", "generate", {}),
        ("ollama", "chat", {"messages": [], "keep_alive": 0}),
    ],
)
def test_what_is_no_usual_question_to_a_model_may_not(
    dialect: str, operation: str, body: dict[str, object]
) -> None:
    assert why(dialect, json.dumps({"model": "first/m", **body}).encode(), operation) == "operation"


@pytest.mark.parametrize(
    ("dialect", "more"),
    [
        ("responses", {"store": True}),
        ("responses", {"store": None}),
        ("responses", {"previous_response_id": "resp_1"}),
        ("responses", {"conversation": {"id": "conv_1"}}),
        ("responses", {"background": True}),
        ("chat", {"store": True}),
        ("messages", {"container": "container_1"}),
    ],
)
def test_what_is_kept_elsewhere_may_not(dialect: str, more: dict[str, object]) -> None:
    assert why(dialect, plain(dialect, **more), results=True) == ("" if more == {"store": None} else "stored")


def test_responses_are_stored_unless_they_say_otherwise() -> None:
    assert why("responses", b'{"model": "first/m", "input": "x"}') == "stored"


@pytest.mark.parametrize(
    ("seen", "good"),
    [
        (Seen(complete=True, finish_reason="stop"), True),
        (Seen(complete=True, finish_reason="STOP"), True),
        (Seen(complete=True, finish_reason="max_tokens"), True),
        (Seen(complete=True), True),
        (Seen(finish_reason="stop"), False),
        (Seen(complete=True, finish_reason="stop", error="overloaded"), False),
        (Seen(complete=True, finish_reason="content_filter"), False),
        (Seen(complete=True, finish_reason="refusal"), False),
        (Seen(complete=True, finish_reason="SAFETY"), False),
        (Seen(complete=True, finish_reason="failed"), False),
        (Seen(complete=True, finish_reason="pause_turn"), False),
    ],
)
def test_a_good_answer_is_complete_and_says_what_there_was_to_say(seen: Seen, good: bool) -> None:
    assert is_good(seen, b"{}") is good


@pytest.mark.parametrize(
    ("body", "good"),
    [
        (b'{"message": {"content": null, "refusal": "I cannot"}}', False),
        (b'{"type":"refusal","refusal":""}', False),
        (b'data: {"type":"response.refusal.delta","delta":"I"}\n\n', False),
        (b'{"message": {"content": "a refusal", "refusal": null}}', True),
        (rb'{"content": "{\"refusal\": \"no\"}"}', True),
    ],
)
def test_a_refusal_is_no_good_answer(body: bytes, good: bool) -> None:
    assert is_good(Seen(complete=True, finish_reason="stop"), body) is good


# names


def sender(key: str = "key_1", declared: str = "", forwarded: bytes = b"", *, strict: bool = False) -> Sender:
    caller = Caller(Identity(key, "ada"), "codex-cli", declared)
    return Sender(caller, Credential(caller.identity, b""), 0, forwarded, b"", strict=strict)


def name(asking: Sender, body: bytes, dialect: str = "chat", operation: str = "", query: str = "") -> bytes:
    named = Path(operation or PLAIN[dialect][0], "first/m" if dialect == "gemini" else "", query)
    return name_of(asking, DIALECTS[dialect].read_call(body, named), DIALECTS[dialect])


USUAL = name(sender(), plain("chat"))


def test_equal_requests_have_one_name_whatever_the_client_adds_of_its_own() -> None:
    lines = b"user-agent: x/1\r\nx-stainless-retry-count: 1\r\ntraceparent: 00-1\r\nx-request-id: 1\r\n"
    assert name(sender(forwarded=lines), plain("chat")) == USUAL


@pytest.mark.parametrize(
    "other",
    [
        name(sender("key_2"), plain("chat")),
        name(sender(declared="nightly"), plain("chat")),
        name(sender(strict=True), plain("chat")),
        name(sender(forwarded=b"openai-organization: org_1\r\n"), plain("chat")),
        name(sender(forwarded=b"x-unknown: 1\r\n"), plain("chat")),
        name(sender(), plain("chat", temperature=0)),
        name(sender(), plain("chat") + b" "),
        name(sender(), plain("chat", model="second/m")),
        name(sender(), plain("chat"), query="beta=true"),
        name(sender(), plain("chat"), "ollama"),
        name(sender(), plain("chat", prompt="x"), operation="completions"),
    ],
)
def test_anything_else_has_another_name(other: bytes) -> None:
    assert other != USUAL


@given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), min_size=2, max_size=2, unique=True))
def test_nobody_has_anothers_name(callers: list[tuple[str, str]]) -> None:
    first, second = (name(sender(key, declared), plain("chat")) for key, declared in callers)
    assert first != second


def test_another_target_gives_another_answer() -> None:
    def step(provider: str, model: str, port: int) -> Step:
        line = Line(endpoint(provider, port)) if port else None
        return Step(provider, model, "chat", line, None, asks_usage=True, counts=True, headers=b"")

    steps = [
        step(*each) for each in (("a", "m", 1), ("b", "m", 1), ("a", "n", 1), ("a", "m", 2), ("a", "m", 0))
    ]
    assert len({targeted(USUAL, each) for each in steps}) == len(steps)
    assert targeted(USUAL, steps[0]) == targeted(USUAL, step("a", "m", 1))
