"""The shapes of lists: what their clients read is there, and pages join without a gap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.errors import MalformedRequest
from llm_gateway.server.model_shapes import (
    Listed,
    anthropic_list,
    anthropic_model,
    gemini_list,
    gemini_model,
    openai_list,
    openai_model,
)

Json = dict[str, object]

PLAIN = Listed("ollama/qwen3", "ollama")
KNOWN = Listed(
    "anthropic/claude-opus-5",
    "anthropic",
    bare="claude-opus-5",
    created=1_771_459_200,
    context_length=200_000,
    label="Claude Opus 5",
)
MANY = [Listed(f"p/m{number}", "p") for number in range(120)]


def ids(page: Json, key: str = "data", name: str = "id") -> list[str]:
    models = page[key]
    assert isinstance(models, list)
    return [each[name] for each in models]


def test_openai() -> None:
    assert openai_list([]) == {"object": "list", "data": []}
    assert openai_model(PLAIN) == {
        "id": "ollama/qwen3",
        "object": "model",
        "created": 0,
        "owned_by": "ollama",
    }
    assert openai_model(KNOWN)["context_length"] == 200_000
    assert ids(openai_list(MANY)) == [each.name for each in MANY], "there are no pages"


def test_anthropic() -> None:
    assert anthropic_list([], {}) == {"data": [], "has_more": False, "first_id": None, "last_id": None}
    assert anthropic_model(PLAIN) == {
        "type": "model",
        "id": "ollama/qwen3",
        "display_name": "ollama/qwen3",
        "created_at": "1970-01-01T00:00:00Z",
    }
    assert anthropic_model(KNOWN) == {
        "type": "model",
        "id": "claude-opus-5",
        "display_name": "Claude Opus 5",
        "created_at": "2026-02-19T00:00:00Z",
        "max_input_tokens": 200_000,
    }


def test_a_page_of_anthropics_has_twenty_unless_told_otherwise() -> None:
    page = anthropic_list(MANY, {})
    assert (len(ids(page)), page["has_more"]) == (20, True)
    assert (page["first_id"], page["last_id"]) == ("p/m0", "p/m19")
    assert len(ids(anthropic_list(MANY, {"limit": "1000"}))) == 120


@given(limit=st.integers(1, 130))
def test_anthropics_pages_join_in_both_directions(limit: int) -> None:
    query = {"limit": str(limit)}
    page = anthropic_list(MANY, query)
    found = ids(page)
    while page["has_more"]:
        page = anthropic_list(MANY, {**query, "after_id": str(page["last_id"])})
        found += ids(page)
    assert found == [each.name for each in MANY]
    found = ["p/m119"]
    more: object = True
    while more:
        page = anthropic_list(MANY, {**query, "before_id": found[0]})
        found, more = ids(page) + found, page["has_more"]
    assert found == [each.name for each in MANY]


def test_the_page_before_the_first_and_after_the_last_is_empty() -> None:
    assert anthropic_list(MANY, {"before_id": "p/m0"})["data"] == []
    assert anthropic_list(MANY, {"after_id": "p/m119"}) == {
        "data": [],
        "has_more": False,
        "first_id": None,
        "last_id": None,
    }


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "all"}, "limit"),
        ({"limit": "\u0661"}, "limit"),
        ({"limit": "1" * 5000}, "limit"),
        ({"after_id": "nothing"}, "after_id"),
        ({"before_id": "nothing"}, "before_id"),
        ({"after_id": "p/m1", "before_id": "p/m3"}, "before_id"),
    ],
)
def test_what_is_wrong_with_a_page_is_told(query: dict[str, str], param: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        anthropic_list(MANY, query)
    assert refused.value.param == param and len(refused.value.message) < 200


def test_gemini() -> None:
    assert gemini_list([], {}) == {"models": []}
    assert gemini_model(Listed("google/gemini-3-pro", "google", bare="gemini-3-pro", context_length=9)) == {
        "name": "models/gemini-3-pro",
        "version": "",
        "displayName": "gemini-3-pro",
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
        "inputTokenLimit": 9,
    }
    assert gemini_model(Listed("ollama/nomic-embed-text", "ollama"))["supportedGenerationMethods"] == [
        "embedContent",
        "batchEmbedContents",
    ]
    assert gemini_model(KNOWN)["displayName"] == "Claude Opus 5"


@given(size=st.integers(1, 130))
def test_geminis_pages_join(size: int) -> None:
    page = gemini_list(MANY, {"pageSize": str(size)})
    found = ids(page, "models", "name")
    while "nextPageToken" in page:
        page = gemini_list(MANY, {"pageSize": str(size), "pageToken": str(page["nextPageToken"])})
        found += ids(page, "models", "name")
    assert found == [f"models/{each.name}" for each in MANY]


@pytest.mark.parametrize(
    ("query", "shown"),
    [({}, 50), ({"pageSize": "0"}, 50), ({"pageSize": "5000"}, 120), ({"pageSize": ""}, 50)],
)
def test_a_page_of_geminis_is_as_large_as_google_makes_it(query: dict[str, str], shown: int) -> None:
    assert len(ids(gemini_list(MANY, query), "models", "name")) == shown


@pytest.mark.parametrize(
    "query",
    [
        {"pageSize": "-1"},
        {"pageSize": "x"},
        {"pageToken": "x"},
        {"pageToken": "bm90aGluZw=="},
        {"pageToken": "é"},
    ],
)
def test_what_is_wrong_with_a_page_of_geminis_is_told(query: dict[str, str]) -> None:
    with pytest.raises(MalformedRequest):
        gemini_list(MANY, query)
