"""A loss is traced to the place that it comes from, also where several places cause it together."""

from collections.abc import Mapping

from culprits import Found, spelled, take
from llm_gateway.canonical.loss import Loss

BODY = {
    "top_k": 40,
    "options": {"topK": 1},
    "messages": [
        {"role": "user", "content": [{"type": "video", "url": "a"}, {"type": "text", "text": "b"}]},
        {"role": "user", "content": [{"type": "video", "url": "c"}]},
    ],
    "tools": [{"schema": {"minimum": 3}}],
    "named": {"metadata": {"theirs": 1}},
}


def losing(body: object) -> Mapping[str, frozenset[Loss]] | None:
    assert isinstance(body, dict)
    told = str(body)
    if "url" not in told and "video" in told:
        return None
    words = {"40": "sampling.top_k", "topK": "k", "video": "messages.video", "minimum": "tools.rules"}
    words["theirs"] = "metadata"
    return {"other": frozenset(Loss(what, "why") for word, what in words.items() if word in told)}


def test_places_are_found() -> None:
    found: Found = {}
    take(BODY, losing, found)
    assert found == {
        "other": {
            Loss("sampling.top_k", "why"): "top_k",
            Loss("k", "why"): "options.topK",
            Loss("messages.video", "why"): "messages[].content[] video",
            Loss("tools.rules", "why"): "tools[].schema",
            Loss("metadata", "why"): "named.metadata",
        }
    }


def test_what_is_known_is_not_looked_for_again() -> None:
    found: Found = {"other": {Loss("k", "why"): "elsewhere"}}
    take({"topK": 1}, losing, found)
    assert found == {"other": {Loss("k", "why"): "elsewhere"}}


def test_what_no_place_is_at_fault_for_has_none() -> None:
    found: Found = {}
    take({"a": 1}, lambda body: {"other": frozenset((Loss("always", "why"),))}, found)
    assert found == {"other": {Loss("always", "why"): ""}}


def test_what_cannot_be_read_loses_nothing() -> None:
    found: Found = {}
    take({"a": 1}, lambda body: None, found)
    assert found == {}


def test_an_element_is_spelled_with_its_kind() -> None:
    assert spelled(BODY, ("messages", 0)) == "messages[] user"
    assert spelled(BODY, ("messages", 0, "content", 1, "text")) == "messages[].content[].text"
    assert spelled({"parts": [{"thought": True, "text": "a"}, 7]}, ("parts", 0)) == "parts[] text"
    assert spelled({"parts": [{"thought": True, "text": "a"}, 7]}, ("parts", 1)) == "parts[]"
