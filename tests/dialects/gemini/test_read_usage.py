"""Usage as servers of this dialect tell it, made ours: by modality, with its searches and its tier."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.dialects.gemini.read_usage import count_searches, read_used, with_searches
from scripted import gemini
from sound_usage import assert_sound


def body(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (gemini.USAGE, Usage(uncached=32, cache_read=8, output=12, reasoning=2)),
        ({"promptTokenCount": 5, "totalTokenCount": 5}, Usage(5)),
        (
            {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 10},
            Usage(5, output=5, reasoning=3),
        ),
        (
            {
                "promptTokenCount": 5,
                "toolUsePromptTokenCount": 3,
                "candidatesTokenCount": 2,
                "totalTokenCount": 10,
            },
            Usage(8, output=2),
        ),
        ({"candidatesTokenCount": 2, "totalTokenCount": 10}, Usage(8, output=2)),
        ({"promptTokenCount": 5, "cachedContentTokenCount": 9}, Usage(0, cache_read=5)),
        ({"promptTokenCount": 0, "candidatesTokenCount": 0}, None),
        ({"promptTokenCount": -5, "candidatesTokenCount": True, "totalTokenCount": 10**12}, None),
        ({"promptTokenCount": 5, "candidatesTokenCount": 2}, Usage(5, output=2)),
        ({"promptTokenCount": 5, "candidatesTokenCount": -5, "totalTokenCount": 0}, Usage(5)),
        ({"promptTokenCount": 5, "thoughtsTokenCount": -1, "totalTokenCount": 4}, Usage(5)),
        ({"promptTokenCount": 5.0, "totalTokenCount": 5}, Usage(5)),
        ({}, None),
        ([1, 2, 3], None),
    ],
)
def test_usage(told: object, usage: Usage | None) -> None:
    assert read_used(Raw(body(told)))[0] == usage


counts = st.integers(-5, 50) | st.none() | st.text(max_size=2)
details = counts | st.lists(
    st.fixed_dictionaries(
        {}, optional={"modality": st.sampled_from(["TEXT", "AUDIO", "IMAGE", "VIDEO"]), "tokenCount": counts}
    )
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "promptTokenCount",
                "cachedContentTokenCount",
                "candidatesTokenCount",
                "thoughtsTokenCount",
                "toolUsePromptTokenCount",
                "totalTokenCount",
            ]
        ),
        counts,
    ),
    st.dictionaries(
        st.sampled_from(
            [
                "promptTokensDetails",
                "cacheTokensDetails",
                "candidatesTokensDetails",
                "toolUsePromptTokensDetails",
            ]
        ),
        details,
    ),
)
def test_usage_is_never_nonsense(told: dict[str, object], parts: dict[str, object]) -> None:
    usage, _ = read_used(Raw(body(told | parts)))
    if usage is not None:
        assert_sound(usage)
        assert usage.total > 0


def modalities(**counts: int) -> list[dict[str, object]]:
    return [{"modality": name, "tokenCount": count} for name, count in counts.items()]


def test_what_has_a_price_of_its_own_is_told_apart() -> None:
    told = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "candidatesTokenCount": 30,
        "thoughtsTokenCount": 5,
        "toolUsePromptTokenCount": 20,
        "totalTokenCount": 155,
        "promptTokensDetails": modalities(TEXT=40, AUDIO=30, IMAGE=30),
        "cacheTokensDetails": modalities(TEXT=30, AUDIO=10, IMAGE=20),
        "toolUsePromptTokensDetails": modalities(AUDIO=20),
        "candidatesTokensDetails": modalities(AUDIO=10, IMAGE=15, TEXT=5),
    }
    usage, _ = read_used(Raw(body(told)))
    special = Special(audio_in=40, audio_read=10, audio_out=10, image_in=10, image_read=20, image_out=15)
    assert usage == Usage(60, 60, 0, 35, 5, special=special)


@pytest.mark.parametrize(
    ("told", "tier"),
    [
        ({}, ""),
        ({"serviceTier": "standard"}, ""),
        ({"serviceTier": "priority"}, "priority"),
        ({"trafficType": "ON_DEMAND"}, ""),
        ({"trafficType": "ON_DEMAND_FLEX"}, "flex"),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned_throughput"),
        ({"trafficType": 5, "promptTokensDetails": modalities(AUDIO=1)}, ""),
        ({"trafficType": "ON_DEMAND_FLEX", "promptTokensDetails": modalities(AUDIO=1)}, "flex"),
    ],
)
def test_the_service_tier_is_told_with_the_counts(told: dict[str, object], tier: str) -> None:
    counts = {"promptTokenCount": 4, "candidatesTokenCount": 3, "totalTokenCount": 7}
    usage, found = read_used(Raw(body(counts | told)))
    assert found == tier
    assert usage is not None
    assert (usage.input, usage.output) == (4, 3)


def test_a_tier_without_counts_is_a_tier() -> None:
    assert read_used(Raw(b'{"trafficType":"ON_DEMAND_FLEX"}')) == (None, "flex")
    assert read_used(Raw(b"null")) == (None, "")
    assert read_used(Raw(b'{"trafficType"')) == (None, "")


@pytest.mark.parametrize(
    ("queries", "model", "searches"),
    [
        (["a", "", "b", "a"], "gemini-3.5-flash", 2),
        (["a", "b"], "gemini-2.5-pro", 1),
        (["a", "b"], "models/gemini-2.0-flash", 1),
        ([""], "gemini-2.5-pro", 0),
        ([], "gemini-3-pro", 0),
        (["a", 7], "", 1),
        ("a", "gemini-3-pro", 0),
    ],
)
def test_searches_are_counted_as_they_are_billed(queries: object, model: str, searches: int) -> None:
    assert count_searches(Raw(body({"webSearchQueries": queries})), model) == searches


def test_grounding_that_is_none_has_no_searches() -> None:
    assert count_searches(Raw(b"[1]"), "gemini-3-pro") == 0


def test_searches_stand_beside_what_else_is_special() -> None:
    usage = Usage(9, special=Special(audio_in=4))
    assert with_searches(usage, 2) == Usage(9, special=Special(audio_in=4, searches=2))
    assert with_searches(Usage(9), 2) == Usage(9, special=Special(searches=2))
