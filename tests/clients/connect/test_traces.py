"""What a setting of ours is known by, and what it may become without ceasing to be ours."""

from llm_gateway.clients.connect.traces import Trace, filled, is_ours, traces
from llm_gateway.clients.edits import MISSING

WORDS = {"url": "http://127.0.0.1:8787/v1", "key": "lgw_secret", "client": "x"}
TABLE = {
    "name": "LLM Gateway",
    "model": "{model}",
    "baseUrl": "{url}",
    "headers": {"key": "{key}", "x-of-{client}": "1"},
    "models": [{"id": "{key}"}],
}


def test_names_in_braces_are_filled_everywhere_and_others_stay() -> None:
    assert filled(TABLE, WORDS) == {
        "name": "LLM Gateway",
        "model": "{model}",
        "baseUrl": "http://127.0.0.1:8787/v1",
        "headers": {"key": "lgw_secret", "x-of-x": "1"},
        "models": [{"id": "lgw_secret"}],
    }
    assert filled([1, None, True, "{other}"], WORDS) == [1, None, True, "{other}"]


def test_a_table_is_ours_by_what_names_the_gateway() -> None:
    known = traces(TABLE, WORDS)
    assert {trace.at for trace in known} == {("baseUrl",), ("headers", "key")}
    assert all("lgw" not in str(trace) and "127" not in str(trace) for trace in known)
    made = filled(TABLE, WORDS)
    assert isinstance(made, dict)
    assert is_ours(known, {**made, "name": "renamed", "updatedAt": "now", "model": "other"}, wholly=True)
    moved = {**made, "baseUrl": "http://elsewhere"}
    assert not is_ours(known, moved, wholly=True) and is_ours(known, moved, wholly=False)
    for other in ({}, "text", None, MISSING, {"baseUrl": "http://elsewhere"}):
        assert not is_ours(known, other, wholly=False)


def test_a_value_is_ours_by_itself_whatever_model_is_chosen() -> None:
    (known,) = traces("gateway/{model}!", WORDS)
    assert known == Trace(starts="gateway/", ends="!")
    assert is_ours((known,), "gateway/any/model!", wholly=True)
    assert not is_ours((known,), "other/model!", wholly=True) and not is_ours((known,), 1, wholly=True)
    assert is_ours(traces(True, WORDS), True, wholly=True) and not is_ours(
        traces(True, WORDS), 1, wholly=True
    )


def test_what_is_only_a_model_is_ours_as_long_as_it_is_there() -> None:
    for template in ("{model}", [{"id": "{model}"}], {"a": "b"}):
        assert traces(template, WORDS) == ()
    assert is_ours((), "anything", wholly=True) and not is_ours((), MISSING, wholly=False)
