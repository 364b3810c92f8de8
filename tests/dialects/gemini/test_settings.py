"""`generationConfig`, read and written."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Format, Reasoning, Sampling
from llm_gateway.dialects.gemini.settings import Settings, read_settings, write_format, write_sampling
from llm_gateway.errors import MalformedRequest


# JSON as a client sends it: of any shape.
def read(**members: Any) -> tuple[Settings, list[str]]:
    losses = Losses()
    found = read_settings({"generationConfig": Raw(json.dumps(members).encode())}, losses)
    return found, [loss.what for loss in losses.found()]


def raw(value: object) -> Raw:
    return Raw(json.dumps(value).encode())


def test_everything_that_is_understood() -> None:
    settings, lost = read(
        maxOutputTokens="100",
        temperature=1,
        top_p=0.5,
        topK=64.0,
        seed=7,
        presencePenalty=-1,
        frequency_penalty=0.25,
        stopSequences=["a"],
        thinking_config={"thinking_level": "LOW"},
    )
    assert settings == Settings(Sampling(100, 1.0, 0.5, 64, 7, -1.0, 0.25, ("a",)), Reasoning("low"), None)
    assert lost == []


def test_nothing_asks_for_nothing() -> None:
    nothing = Settings(Sampling(), None, None)
    assert read_settings({}, Losses()) == nothing
    assert read(seed=None, candidateCount=1, responseModalities=["TEXT"], stopSequences=[]) == (nothing, [])


def test_what_has_no_place_is_lost() -> None:
    _, lost = read(candidateCount=2, responseLogprobs=True, speechConfig={"a": 1}, newThing=5, logprobs=0)
    assert lost == [
        "generationConfig.candidateCount",
        "generationConfig.responseLogprobs",
        "generationConfig.speechConfig",
        "generationConfig.newThing",
    ]


@pytest.mark.parametrize(
    "members", [{"seed": "x"}, {"topP": []}, {"stopSequences": "a"}, {"thinkingConfig": 1}]
)
def test_a_member_of_the_wrong_type_is_named(members: dict[str, object]) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(**members)
    assert caught.value.param == f"generationConfig.{next(iter(members))}"


JSON = "application/json"


@pytest.mark.parametrize(
    ("members", "kind", "schema"),
    [
        ({"responseMimeType": JSON}, "json", None),
        ({"responseMimeType": JSON, "responseSchema": {"type": "OBJECT"}}, "schema", {"type": "object"}),
        ({"responseMimeType": JSON, "responseJsonSchema": {"type": "object"}}, "schema", {"type": "object"}),
        ({"responseJsonSchema": {"type": "OBJECT"}}, "schema", {"type": "object"}),
        ({"_responseJsonSchema": {"type": "object"}}, "schema", {"type": "object"}),
        ({"responseMimeType": "text/plain"}, None, None),
    ],
)
def test_forms(members: dict[str, object], kind: str | None, schema: object) -> None:
    settings, lost = read(**members)
    form = settings.format
    assert (form.kind if form else None, lost) == (kind, [])
    told = json.loads(bytes(form.schema)) if form and form.schema is not None else None
    assert told == schema


def test_a_form_that_others_do_not_have_is_lost() -> None:
    settings, lost = read(responseMimeType="text/x.enum", responseSchema={"type": "STRING"})
    assert (settings.format, lost) == (None, ["generationConfig.responseMimeType"])


def test_writing() -> None:
    losses = Losses()
    sampling = Sampling(5, 1.0, 0.5, 40, 7, 0.0, 0.25, tuple("abcdefg"))
    assert write_sampling(sampling, losses) == {
        "maxOutputTokens": 5,
        "temperature": 1.0,
        "topP": 0.5,
        "topK": 40,
        "seed": 7,
        "frequencyPenalty": 0.25,
        "stopSequences": list("abcde"),
    }
    assert write_format(Format("json"), losses) == {"responseMimeType": JSON}
    schema = Raw(b"{}")
    told = write_format(Format("schema", schema=schema, strict=True), losses)
    assert told == {"responseMimeType": JSON, "responseJsonSchema": schema}
    assert [loss.what for loss in losses.found()] == ["stop"]


@pytest.mark.parametrize(
    ("schema", "told", "lost"),
    [
        ({"type": "object"}, {"type": "object", "title": "n", "description": "d"}, []),
        ({"title": "t"}, {"title": "t", "description": "d"}, []),
        ({"description": "e"}, {"description": "e", "title": "n"}, ["response_format.description"]),
        ({"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}, ["response_format.description"]),
        (True, True, ["response_format.description"]),
    ],
)
def test_a_schema_says_its_name_itself(schema: object, told: object, lost: list[str]) -> None:
    losses = Losses()
    written = write_format(Format("schema", "n", "d", raw(schema)), losses)
    assert json.loads(msgspec.json.encode(written["responseJsonSchema"])) == told
    assert [loss.what for loss in losses.found()] == lost


def test_a_form_without_a_schema_cannot_be_described() -> None:
    losses = Losses()
    assert write_format(Format("schema", "n", "d"), losses) == {"responseMimeType": JSON}
    assert [loss.what for loss in losses.found()] == ["response_format.description"]


def test_what_would_be_refused_is_not_sent() -> None:
    losses = Losses()
    told = write_sampling(Sampling(max_tokens=0, top_k=0, seed=2**40 + 5, stop=("", "a")), losses)
    assert told == {"maxOutputTokens": 1, "seed": 5, "stopSequences": ["a"]}
    assert [loss.what for loss in losses.found()] == ["max_tokens", "top_k", "seed", "stop"]
    assert write_sampling(Sampling(seed=-(2**31), stop=("",)), losses) == {"seed": -(2**31)}


NUMBERS = st.floats(-2, 2, allow_nan=False).map(lambda number: number or None)


@given(
    st.builds(
        Sampling,
        st.none() | st.integers(1, 10**6),
        NUMBERS,
        NUMBERS,
        st.none() | st.integers(1, 100),
        st.none() | st.integers(-(2**31), 2**31 - 1),
        NUMBERS,
        NUMBERS,
        st.lists(st.text(min_size=1), max_size=5).map(tuple),
    )
)
def test_what_was_written_is_read(sampling: Sampling) -> None:
    losses = Losses()
    found, lost = read(**write_sampling(sampling, losses))
    assert found.sampling == sampling and not lost and not losses.found()
