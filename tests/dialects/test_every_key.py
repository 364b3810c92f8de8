"""Every key of what a client or an upstream says is read or reported, however deep it stands.

Each member of a request is taken out, and each value changed: a reader whose result and losses stay the same
never looked at it. That is only right for what stands in the lists below, or where a loss has its name. The
requests are those of `fixtures/everything`, which have every field that a dialect documents, and those of the
golden matrix; the answers are the matrix's.
"""

import json
from collections.abc import Callable, Iterator, Mapping

import pytest

from house import ROOT
from llm_gateway.canonical.loss import Loss
from llm_gateway.dialects.contract import Dialect, Path
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import MalformedRequest, UpstreamBroken
from matrix import MODELS, OPERATIONS, cases
from pruning import Place, altered, at, pattern, places, without, words

EVERYTHING = ROOT / "tests" / "fixtures" / "everything"

# Names of what only holds others: a loss of that name does not stand for everything within.
HOLDERS = frozenset(
    ("content", "contents", "input", "messages", "options", "parts", "tools", "text", "type", "function")
)
_DEFAULT = "what is meant where nothing is said"
_TWICE = "said a second time, and read at the other place"
_KIND = "of what kind a thing is shows from what it holds"

# What may be left unread of requests, and why.
SILENT: Mapping[str, Mapping[str, str]] = {
    "chat": {
        "messages.*.content": "nothing is said by null",
        "messages.*.reasoning": _TWICE,
        "messages.*.tool_calls.*.type": _KIND,
        "modalities": _DEFAULT,
        "modalities.*": _DEFAULT,
        "n": _DEFAULT,
        "stream_options": "about the frames of a stream of OpenAI's own",
        "stream_options.include_obfuscation": "about the frames of a stream of OpenAI's own",
        "tool_choice.allowed_tools.mode": _DEFAULT,
        "tool_choice.allowed_tools.tools.*.type": _KIND,
        "tool_choice.type": _KIND,
        "tools.*.type": _KIND,
    },
    "responses": {
        "client_metadata": "Codex's telemetry, for its vendor",
        "client_metadata.*": "Codex's telemetry, for its vendor",
        "include": "thinking comes sealed whenever it can",
        "include.*": "thinking comes sealed whenever it can",
        "input.*.arguments": _DEFAULT,
        "input.*.id": "the vendor's bookkeeping",
        "input.*.output": "a result of no text",
        "input.*.role": "of tools that come later: they are the developer's in any case",
        "input.*.status": "the vendor's bookkeeping",
        "input.*.tools.*.format": _DEFAULT,
        "input.*.type": _KIND,
        "store": _DEFAULT,
        "stream_options": "about the frames of a stream of OpenAI's own",
        "stream_options.include_obfuscation": "about the frames of a stream of OpenAI's own",
        "tool_choice": _DEFAULT,
    },
    "messages": {
        "context_management": "keeps everything, which is what happens anyway",
        "context_management.edits": "keeps everything, which is what happens anyway",
        "context_management.edits.*": "keeps everything, which is what happens anyway",
        "context_management.edits.*.type": "keeps everything, which is what happens anyway",
        "messages.*.content.*.content.*.type": _KIND,
        "messages.*.content.*.source.media_type": "of text: there is one kind",
        "system.*": "the name that Claude Code gives to Anthropic's billing",
        "system.*.text": "the name that Claude Code gives to Anthropic's billing",
        "tools.*.defer_loading": "of a tool that was brought up, or would be searched for by the provider",
        "tools.*.eager_input_streaming": "in which pieces a call's input comes, not what is in it",
        "tools.*.type": _KIND,
    },
    "gemini": {
        "contents.*.parts.*.fileData.mimeType": "shows from the name of the file",
        "contents.*.parts.*.functionResponse.id": "shows from the order of calls",
        "contents.*.parts.*.functionResponse.name": "shows from the call",
        "contents.*.parts.*.functionResponse.response": "a result of no text",
        "contents.*.role": "shows from what is said",
        "generationConfig.candidateCount": _DEFAULT,
        "generationConfig.responseMimeType": "a schema says that JSON is wanted",
        "generationConfig.responseSchema": "of a choice, which is lost as a whole",
        "generationConfig.responseSchema.enum": "of a choice, which is lost as a whole",
        "generationConfig.responseSchema.enum.*": "of a choice, which is lost as a whole",
        "generationConfig.responseSchema.propertyOrdering": "the order in which they stand",
        "generationConfig.responseSchema.propertyOrdering.*": "the order in which they stand",
        "generationConfig.responseSchema.type": "of a choice, which is lost as a whole",
        "systemInstruction.role": "there is one",
        "tools.*.functionDeclarations.*.responseJsonSchema": "is lost as `tools.response`",
    },
    "ollama": {
        "messages.*.content": "nothing is said by an empty text",
        "messages.*.tool_call_id": "shows from the order of calls",
        "messages.*.tool_calls.*.function.arguments": _DEFAULT,
        "messages.*.tool_calls.*.function.index": "counts the calls of a message",
        "messages.*.tool_calls.*.type": _KIND,
        "messages.*.tool_name": "shows from the call",
        "stream": _DEFAULT,
        "tools.*.function.description": "nothing is said by an empty text",
        "tools.*.type": _KIND,
    },
}

_SUM = "one of the counts that add up"
_RATED = "how a provider rates what was said, beside what it did about it"
_ECHO = "the request, said again"
_MADE = "when, by whom and how fast it was made"

# What may be left unread of answers, and why.
UNTOLD: Mapping[str, Mapping[str, str]] = {
    "chat": {
        "choices.*.content_filter_results": _RATED,
        "choices.*.finish_reason": "shows from what was said",
        "choices.*.message.role": "there is one",
        "choices.*.message.tool_calls.*.type": _KIND,
        "created": _MADE,
        "object": "there is one",
        "service_tier": _MADE,
        "system_fingerprint": _MADE,
        "usage.completion_tokens_details": "of zeros",
        "usage.prompt_tokens": _SUM,
        "usage.prompt_tokens_details": "of zeros",
        "usage.total_tokens": _SUM,
    },
    "responses": {
        "created_at": _MADE,
        "object": "there is one",
        "output.*.id": "the vendor's bookkeeping",
        "output.*.role": "there is one",
        "output.*.status": "the answer's own says it",
        "output.*.summary.*.type": _KIND,
        "parallel_tool_calls": _ECHO,
        "reasoning": _ECHO,
        "status": "shows from why it is incomplete",
        "temperature": _ECHO,
        "text": _ECHO,
        "tool_choice": _ECHO,
        "top_p": _ECHO,
        "truncation": _ECHO,
        "usage.input_tokens": _SUM,
        "usage.input_tokens_details": "of zeros",
        "usage.output_tokens_details": "of zeros",
        "usage.total_tokens": _SUM,
    },
    "messages": {
        "role": "there is one",
        "stop_reason": "shows from what was said",
        "type": "there is one",
        "usage.cache_creation": _SUM,
        "usage.cache_creation_input_tokens": _SUM,
        "usage.service_tier": _MADE,
    },
    "gemini": {
        "candidates.*.content": "of no parts",
        "candidates.*.content.role": "there is one",
        "candidates.*.finishReason": "shows from what was said, or is lost where it has no word",
        "candidates.*.safetyRatings": _RATED,
        "promptFeedback.blockReason": "that it was blocked is told",
        "promptFeedback.safetyRatings": _RATED,
        "usageMetadata.candidatesTokenCount": _SUM,
        "usageMetadata.promptTokenCount": _SUM,
        "usageMetadata.promptTokensDetails": "of what kind they were",
        "usageMetadata.thoughtsTokenCount": _SUM,
        "usageMetadata.totalTokenCount": _SUM,
    },
    "ollama": {
        "created_at": _MADE,
        "done_reason": "shows from what was said",
        "eval_duration": _MADE,
        "load_duration": _MADE,
        "message": "of no text",
        "message.role": "there is one",
        "prompt_eval_duration": _MADE,
        "total_duration": _MADE,
    },
}

Reader = Callable[[object], tuple[object, tuple[Loss, ...]] | None]


def unread(body: object, reads: Reader, silent: Mapping[str, str]) -> Iterator[str]:
    """Return the places of a body that the reader does not look at and does not report."""
    told = reads(body)
    if told is None:
        return
    lost = {parts[-1] for parts in (loss.what.split(".") for loss in told[1]) if _is_name(parts)}
    for place in places(body):
        value = at(body, place)
        if value in (None, [], {}, "", False) or lost.intersection(words(body, place)):
            continue
        if not _misses(body, place, reads, told) and not _listed(pattern(place), silent):
            yield pattern(place)


def _is_name(parts: list[str]) -> bool:
    return len(parts) > 2 or parts[-1] not in HOLDERS


def _misses(body: object, place: Place, reads: Reader, told: object) -> bool:
    if reads(without(body, place)) == told:
        return False
    return isinstance(at(body, place), dict | list) or reads(altered(body, place)) != told


def _listed(place: str, silent: Mapping[str, str]) -> bool:
    """Whether a place, or what it is in, is listed."""
    if place in silent:
        return True
    outer = place.rpartition(".")[0]
    return outer != "" and (f"{outer}.*" in silent or _listed(outer, silent))


def request_reader(dialect: Dialect, operation: str) -> Reader:
    path = Path(operation, MODELS[dialect.name], "alt=sse")

    def reads(body: object) -> tuple[object, tuple[Loss, ...]] | None:
        try:
            call = dialect.read_call(json.dumps(body).encode(), path)
            decoded = dialect.decode_request(call)
        except MalformedRequest:
            return None
        return (call.model, call.stream, call.wants_usage, decoded), decoded.losses

    return reads


def answer_reader(dialect: Dialect) -> Reader:
    def reads(body: object) -> tuple[object, tuple[Loss, ...]] | None:
        try:
            read = dialect.decode_response(json.dumps(body).encode())
        except UpstreamBroken:
            return None
        return read, read.losses

    return reads


@pytest.mark.parametrize("name", DIALECTS)
def test_every_documented_key_of_a_request_is_read_or_reported(name: str) -> None:
    body = json.loads((EVERYTHING / f"{name}.json").read_text("utf-8"))
    reads = request_reader(DIALECTS[name], "streamGenerateContent" if name == "gemini" else OPERATIONS[name])
    assert reads(body) is not None
    assert not set(unread(body, reads, SILENT[name]))


@pytest.mark.parametrize("name", DIALECTS)
def test_a_key_that_nobody_knows_is_reported(name: str) -> None:
    body = json.loads((EVERYTHING / f"{name}.json").read_text("utf-8"))
    reads = request_reader(DIALECTS[name], "streamGenerateContent" if name == "gemini" else OPERATIONS[name])
    told = reads({**body, "brandnew": 7})
    assert told is not None and "brandnew" in {loss.what for loss in told[1]}


@pytest.mark.parametrize("name", DIALECTS)
def test_every_key_of_the_matrixs_requests_is_read_or_reported(name: str) -> None:
    found: set[str] = set()
    for case in cases():
        path = case.given("request").get(name)
        call = case.call(name) if path else None
        if path and call and DIALECTS[name].kind(call.operation) == "generate":
            body = json.loads(path.read_text("utf-8"))
            found.update(unread(body, request_reader(DIALECTS[name], call.operation), SILENT[name]))
    assert not found


@pytest.mark.parametrize("name", DIALECTS)
def test_every_key_of_the_matrixs_answers_is_read_or_reported(name: str) -> None:
    found: set[str] = set()
    for case in cases():
        if path := case.given("answer").get(name):
            body = json.loads(path.read_text("utf-8"))
            found.update(unread(body, answer_reader(DIALECTS[name]), UNTOLD[name]))
    assert not found


@pytest.mark.parametrize(("name", "listed"), [*SILENT.items(), *UNTOLD.items()])
def test_what_may_be_left_unread_has_a_reason(name: str, listed: Mapping[str, str]) -> None:
    assert name in DIALECTS and all(len(why) >= 8 for why in listed.values())


def test_a_reader_that_drops_something_is_found_out() -> None:
    def careless(body: object) -> tuple[object, tuple[Loss, ...]] | None:
        assert isinstance(body, dict)
        return body.get("kept"), (Loss("told", "why"),)

    body = {"kept": {"a": 1}, "told": 2, "dropped": {"b": [3]}, "listed": {"c": 4}}
    assert set(unread(body, careless, {"listed": "for a reason"})) == {"dropped", "dropped.b", "dropped.b.*"}
