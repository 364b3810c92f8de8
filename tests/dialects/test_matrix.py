"""The golden matrix: every case says in every pair of dialects what its files say; equal dialects pass bytes.

`scripts/goldens.py` writes the expected files; `scripts/matrix.py` says which there are.
"""

import json
from pathlib import Path

import msgspec
import pytest

from goldens import stale
from llm_gateway.canonical.events import Failed, Finished, Measured
from llm_gateway.canonical.parts import ToolCall
from llm_gateway.canonical.response import Response, fold
from llm_gateway.dialects.contract import Call, Dialect
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import UpstreamBroken
from matrix import CASES, Case, cases, expected

ALL = cases()
BY_NAME = {case.name: case for case in ALL}
STREAMS = [(case.name, name) for case in ALL for name in case.given("stream")]
ANSWERS = [(case.name, name) for case in ALL for name in case.given("answer")]
REQUESTS = [(case.name, name) for case in ALL for name in case.given("request")]


def stream_of(case: Case, name: str) -> tuple[Dialect, Call, bytes]:
    """Return a stream, and a call of its dialect that it could answer."""
    dialect = DIALECTS[name]
    call = BY_NAME["text"].call(name, stream=True)
    return dialect, call, case.given("stream")[name].read_bytes()


@pytest.mark.parametrize("name", BY_NAME)
def test_what_is_made_of_a_case_is_what_its_files_say(name: str) -> None:
    wanted = expected(BY_NAME[name])
    wrong = [path for path, text in wanted.items() if _text(path) != text]
    wrong += stale(BY_NAME[name], wanted)
    names = "\n  ".join(str(path.relative_to(CASES)) for path in wrong)
    assert not wrong, f"run `python scripts/goldens.py`, and read what changes:\n  {names}"


def _text(path: Path) -> str:
    return path.read_bytes().decode() if path.is_file() else ""


def test_there_is_enough_of_everything() -> None:
    assert len(ALL) >= 80
    for name in DIALECTS:
        assert len([1 for _, each in REQUESTS if each == name]) >= 30, name
        assert len([1 for _, each in ANSWERS if each == name]) >= 15, name
        assert len([1 for _, each in STREAMS if each == name]) >= 15, name
        assert len([1 for case in ALL if name in case.given("error")]) >= 7, name


# What every dialect's clients and upstreams have a word for: whole answers, streams, and what is asked.
BY_ALL = {
    "request": (
        *("text", "system-prompt", "images-inline", "tools", "tools-parallel", "tools-strict", "tool-result"),
        *(
            "tool-result-error",
            "tool-result-image",
            "tool-result-empty",
            "thinking-in-history",
            "effort-high",
        ),
        *("effort-none", "limits", "limits-tiny", "sampling", "structured", "prefill", "coding-agent"),
        *("bookkeeping", "unicode", "unknown-fields", "seldom-said"),
    ),
    "answer": (
        *("text", "tools", "tools-parallel", "thinking", "thinking-and-calls", "length", "usage", "empty"),
        *("unicode", "structured", "custom-tool", "failed-answer", "seldom-answered"),
    ),
    "stream": (
        *("text", "tools", "tools-parallel", "thinking", "thinking-and-calls", "length", "usage", "empty"),
        *("unicode", "custom-tool", "long-stream", "broken-stream", "error-in-stream"),
    ),
    "error": ("error-400", "error-401", "error-404", "error-429", "error-500", "error-overloaded"),
}
# What not every dialect knows, with those that do.
BY_SOME = {
    ("request", "audio"): ("chat", "responses", "gemini"),
    ("request", "documents"): ("chat", "responses", "messages", "gemini"),
    ("answer", "refusal"): ("chat", "responses", "messages", "gemini"),
    ("stream", "refusal"): ("chat", "responses", "messages", "gemini"),
    ("answer", "stop-sequence"): ("chat", "messages"),
    ("stream", "content-filter"): ("chat", "responses", "gemini"),
    ("stream", "broken-in-call"): ("chat", "responses", "messages"),
}


def test_what_every_dialect_can_say_is_said_in_every_dialect() -> None:
    for part, names in BY_ALL.items():
        for name in names:
            assert set(BY_NAME[name].given(part)) == set(DIALECTS), (part, name)
    for (part, name), dialects in BY_SOME.items():
        assert set(BY_NAME[name].given(part)) == set(dialects), (part, name)


def test_there_are_thirty_cases_of_all_five_by_all_five() -> None:
    """A case counts where every dialect speaks to every other one: in what is asked, or what is answered."""
    whole = [case for case in ALL if any(len(case.given(part)) == len(DIALECTS) for part in BY_ALL)]
    assert len(whole) >= 30
    asked = [case for case in ALL if len(case.given("request")) == len(DIALECTS)]
    assert len(asked) >= 20


def test_a_case_holds_something_and_says_what() -> None:
    for case in ALL:
        parts = [part for part in ("request", "answer", "stream", "error") if case.given(part)]
        assert parts, case.name
        assert case.about.endswith("."), case.name
        assert {path.name for path in case.folder.iterdir()} == {"case.json", *parts}, case.name


@pytest.mark.parametrize(("name", "dialect"), REQUESTS)
def test_a_request_between_equal_dialects_passes_as_it_is(name: str, dialect: str) -> None:
    case = BY_NAME[name]
    call = case.call(dialect)
    sent = case.given("request")[dialect].read_bytes()
    assert DIALECTS[dialect].address(call, call.model, ask_usage=False) == sent


@pytest.mark.parametrize(("name", "dialect"), STREAMS)
def test_a_stream_between_equal_dialects_passes_as_it_is(name: str, dialect: str) -> None:
    upstream, call, data = stream_of(BY_NAME[name], dialect)
    meter = upstream.meter(call, strip_usage=False)
    assert meter.feed(data) + meter.close() == data


@pytest.mark.parametrize(("name", "dialect"), STREAMS)
def test_a_stream_is_counted_alike_by_what_passes_it_and_by_what_translates_it(
    name: str, dialect: str
) -> None:
    upstream, call, data = stream_of(BY_NAME[name], dialect)
    meter = upstream.meter(call, strip_usage=False)
    meter.feed(data)
    meter.close()
    decoder = upstream.decoder()
    events = [*decoder.feed(data), *decoder.close()]
    usages = [event.usage for event in events if isinstance(event, Measured)]
    assert meter.seen.usage == (usages[-1] if usages else None)
    failed = any(isinstance(event, Failed) for event in events)
    assert bool(meter.seen.error) == failed
    assert failed or meter.seen.complete == any(isinstance(event, Finished) for event in events)


@pytest.mark.parametrize(("name", "dialect"), ANSWERS)
def test_an_answer_is_counted_alike_by_what_passes_it_and_by_what_translates_it(
    name: str, dialect: str
) -> None:
    case = BY_NAME[name]
    body = case.given("answer")[dialect].read_bytes()
    holder = BY_NAME[case.requests] if case.requests else case
    operation = holder.operations.get(dialect, BY_NAME["text"].call(dialect).operation)
    seen = DIALECTS[dialect].read_answer(body, operation)
    embedding = DIALECTS[dialect].embedding
    if DIALECTS[dialect].kind(operation) == "embed":
        assert embedding is not None
        assert seen.usage == embedding.decode_response(body).usage
        return
    try:
        usage = DIALECTS[dialect].decode_response(body).response.usage
    except UpstreamBroken:
        return
    assert seen.usage == usage


@pytest.mark.parametrize(("name", "dialect"), [each for each in STREAMS if each in ANSWERS])
def test_a_stream_says_what_the_whole_answer_says(name: str, dialect: str) -> None:
    upstream, _, data = stream_of(BY_NAME[name], dialect)
    decoder = upstream.decoder()
    folded = fold([*decoder.feed(data), *decoder.close()])
    read = upstream.decode_response(BY_NAME[name].given("answer")[dialect].read_bytes())
    assert _plain(folded) == _plain(read.response)
    assert {loss.what for loss in decoder.losses} == {loss.what for loss in read.losses}


def _plain(response: Response) -> Response:
    """Return an answer without what is only spelling: spaces in arguments, ids made up of them."""
    parts = tuple(
        msgspec.structs.replace(part, id="", arguments=_respelled(part.arguments))
        if isinstance(part, ToolCall)
        else part
        for part in response.parts
    )
    return msgspec.structs.replace(response, parts=parts)


def _respelled(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments))
    except json.JSONDecodeError:
        return arguments


def test_cases_are_laid_out_in_one_way() -> None:
    for case in ALL:
        told = json.loads((case.folder / "case.json").read_text("utf-8"))
        assert next(iter(told)) == "about", case.name


# The words by which clients of a dialect tell errors apart, where the dialect has such words.
WORDS = {
    "chat": "invalid_request authentication permission rate_limit server service_unavailable",
    "responses": "invalid_request authentication permission rate_limit server",
    "messages": "invalid_request authentication permission rate_limit api not_found overloaded timeout",
}


@pytest.mark.parametrize("name", WORDS)
def test_clients_are_told_of_errors_in_words_that_they_know(name: str) -> None:
    known = {f"{word}_error" for word in WORDS[name].split()} | {"insufficient_quota", "request_too_large"}
    told = {
        f"{path.parts[-3]} {path.name}": json.loads(path.read_text("utf-8"))["error"]["type"]
        for path in CASES.glob(f"error-*/error/*-{name}.json")
    }
    assert len(told) > 20 and not {path: word for path, word in told.items() if word not in known}
