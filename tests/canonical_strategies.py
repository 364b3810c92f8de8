"""Requests and answers of the common model, made at random, and what they say taken apart into facets.

What is made is what clients could mean: calls have their results after them, ids are unique, texts are not
blank. A facet is a name and a value, so that one can be looked for on the other side of a dialect.
"""

import json
from typing import Literal

from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.parts import (
    Audio,
    Document,
    FileId,
    Image,
    Inline,
    Link,
    Part,
    Refusal,
    ResultPart,
    Seal,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import (
    CustomTool,
    Format,
    FunctionTool,
    Message,
    Reasoning,
    Request,
    Sampling,
    ToolChoice,
)
from llm_gateway.canonical.response import AnswerPart, Response
from llm_gateway.canonical.usage import Usage

__all__ = ["answers", "requests"]

SCHEMAS = (
    Raw(b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'),
    Raw(
        b'{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"array","items":{"type":"string"}}},"additionalProperties":false}'
    ),
)

words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=8)
letters = st.one_of(
    words, st.sampled_from(("Zürich, 東京", 'say "hi" \\ <b>', "👩‍👩‍👧 \u2028 end", "two\nlines"))
)
ENDINGS: tuple[Finish, ...] = (
    "stop",
    "length",
    "content_filter",
    "refusal",
    "pause",
    "other",
    "stop_sequence",
)
MODES: tuple[Literal["auto", "none", "required", "named"], ...] = ("auto", "none", "required", "named")
PICTURES = (Inline("iVBORw0KGgo=", "image/png"), Inline("/9j/4AAQSkZJRg==", "image/jpeg"))
pictures: st.SearchStrategy[Source] = st.one_of(
    st.sampled_from(PICTURES),
    st.builds(Link, st.sampled_from(("https://pictures.example/a.jpg", "https://pictures.example/b.png"))),
    st.builds(FileId, st.just("file-8Xk2")),
)
papers: st.SearchStrategy[Source] = st.one_of(
    st.builds(Inline, st.just("JVBERi0xLjQ="), st.just("application/pdf")),
    st.builds(Inline, st.just("aGVsbG8="), st.just("text/plain")),
    st.builds(Link, st.just("https://files.example/a.pdf"), st.just("application/pdf")),
    st.builds(FileId, st.just("file-9Yk3")),
)
images = st.builds(Image, pictures, st.sampled_from(("", "low", "high", "auto")))
documents = st.builds(Document, papers, st.sampled_from(("", "offer.pdf")))
sounds = st.builds(Audio, st.builds(Inline, st.just("UklGRiQAAABXQVZFZm10IA=="), st.just("audio/wav")))
seals = st.sampled_from(
    (
        Seal("responses", "rs_1.c2VhbA=="),
        Seal("messages", "cHJvb2Y="),
        Seal("gemini", "c2VhbA=="),
    )
)
texts = st.builds(Text, letters)


@st.composite
def _thoughts(draw: st.DrawFn) -> Thinking:
    """Return thinking; what a server of `chat` sealed is its text, which nobody could take out."""
    if draw(st.booleans()):
        return Thinking("", draw(seals), redacted=True)
    return Thinking(draw(letters), draw(st.none() | st.just(Seal("chat", "reasoning_content")) | seals))


@st.composite
def _calls(draw: st.DrawFn, number: int) -> ToolCall:
    arguments = json.dumps({"city": draw(letters)})
    seal = draw(st.none() | st.builds(Seal, st.just("gemini"), st.just("Y2FsbA==")))
    return ToolCall(
        f"call_{number}", draw(st.sampled_from(("get_weather", "get_time"))), arguments, seal=seal
    )


@st.composite
def _turns(draw: st.DrawFn, number: int) -> list[Message]:
    """Return an answer of the conversation, and the results of its calls."""
    said: list[Part] = []
    if draw(st.booleans()):
        said.append(draw(_thoughts()))
    if draw(st.booleans()):
        said.append(draw(texts))
    if draw(st.integers(0, 9)) == 0:
        said.append(Refusal(draw(letters)))
    calls = [draw(_calls(10 * number + index)) for index in range(draw(st.integers(0, 2)))]
    if not said and not calls:
        said.append(draw(texts))
    turns = [Message("assistant", (*said, *calls))]
    results: list[Part] = []
    for call in calls:
        told: list[ResultPart] = [draw(texts)]
        if draw(st.integers(0, 4)) == 0:
            told.append(Image(draw(st.sampled_from(PICTURES))))
        failed = draw(st.integers(0, 4)) == 0
        results.append(ToolResult(call.id, tuple(told), call.name, is_error=failed))
    if results:
        turns.append(Message("user", tuple(results)))
    return turns


@st.composite
def _conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    messages: list[Message] = []
    if draw(st.booleans()):
        messages.append(Message("system", (draw(texts),)))
    for number in range(draw(st.integers(0, 2))):
        messages.append(Message("user", tuple(draw(_said()))))
        messages += draw(_turns(number))
        if draw(st.integers(0, 4)) == 0:
            messages.append(Message("system", (draw(texts),)))
    messages.append(Message("user", tuple(draw(_said()))))
    return tuple(messages)


@st.composite
def _said(draw: st.DrawFn) -> list[Part]:
    media = draw(st.lists(st.one_of(images, documents, sounds), max_size=2))
    return [*media, draw(texts)]


tools = st.lists(
    st.one_of(
        st.builds(
            FunctionTool,
            st.sampled_from(("get_weather", "get_time")),
            letters,
            st.sampled_from(SCHEMAS),
            st.sampled_from((None, True, False)),
        ),
        st.builds(CustomTool, st.just("apply_patch"), letters, st.just("lark"), st.just("start: /.+/")),
    ),
    max_size=3,
    unique_by=lambda tool: tool.name,
).map(tuple)


@st.composite
def _choices(draw: st.DrawFn, names: tuple[str, ...]) -> ToolChoice:
    parallel = draw(st.sampled_from((None, True, False)))
    if not names:
        return ToolChoice()
    mode = draw(st.sampled_from(MODES))
    narrow = mode == "named" or (mode != "none" and draw(st.integers(0, 3)) == 0)
    return ToolChoice(mode, names[:1] if narrow else (), parallel)


samplings = st.builds(
    Sampling,
    max_tokens=st.none() | st.integers(1, 4000),
    temperature=st.sampled_from((None, 0.0, 0.25, 1.5)),
    top_p=st.sampled_from((None, 0.5, 0.95)),
    top_k=st.sampled_from((None, 1, 40)),
    seed=st.sampled_from((None, 0, 17)),
    presence_penalty=st.sampled_from((None, 0.5, -0.5)),
    frequency_penalty=st.sampled_from((None, 0.5, -0.5)),
    stop=st.sampled_from(((), ("END",), ("END", "\n\n"))),
)
efforts = st.sampled_from((None, "minimal", "low", "medium", "high", "xhigh", "max"))
reasonings = st.one_of(
    st.none(),
    st.just(Reasoning("none")),
    st.builds(Reasoning, efforts, st.sampled_from((None, 1024, 9000)), st.sampled_from((None, True, False))),
)
formats = (
    st.none()
    | st.just(Format("json"))
    | st.builds(
        Format,
        st.just("schema"),
        st.sampled_from(("", "city")),
        st.sampled_from(("", "A city")),
        st.sampled_from(SCHEMAS),
        st.sampled_from((None, True, False)),
    )
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Return anything that a client might ask."""
    offered = draw(tools)
    return Request(
        draw(_conversations()),
        offered,
        draw(_choices(tuple(tool.name for tool in offered))),
        draw(samplings),
        draw(reasonings),
        draw(formats),
        draw(st.booleans()),
        user=draw(st.sampled_from(("", "customer-17", "ada@example.org", "x" * 70))),
        cache_key=draw(st.sampled_from(("", "thread-9"))),
        service_tier=draw(st.sampled_from(("", "auto", "default", "flex", "priority"))),
    )


@st.composite
def answers(draw: st.DrawFn) -> Response:
    """Return anything that a model might answer: thinking, then text or a refusal, then calls."""
    parts: list[AnswerPart] = draw(st.lists(_thoughts(), max_size=2))
    refused = draw(st.integers(0, 5)) == 0
    if refused:
        parts.append(Refusal(draw(letters)))
    elif draw(st.booleans()):
        parts.append(draw(texts))
    calls = [] if refused else [draw(_calls(index)) for index in range(draw(st.integers(0, 2)))]
    finish: Finish = "tool_calls" if calls else "refusal" if refused else "stop"
    sequence = ""
    if not calls and not refused:
        finish = draw(
            st.sampled_from(
                ("stop", "length", "content_filter", "refusal", "pause", "other", "stop_sequence")
            )
        )
        sequence = "END" if finish == "stop_sequence" else ""
    return Response("upstream_1", "model-1", (*parts, *calls), finish, sequence, draw(st.none() | usages))


@st.composite
def _usages(draw: st.DrawFn) -> Usage:
    output = draw(st.integers(1, 500))
    read, write = draw(st.sampled_from(((0, 0), (200, 0), (200, 100))))
    return Usage(draw(st.integers(1, 500)), read, write, output, draw(st.integers(0, output)))


usages = _usages()
