"""Snapshots made into what is new of them: whatever comes, what was told stays true to what it is told of."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.m365.fake_vendor import snapshot
from llm_gateway.bridges.m365.marks import cleaned
from llm_gateway.bridges.m365.snapshots import Conversation, Telling, payload, read_conversation

PROMPT = "What is new?"

# Few letters, so that texts agree by chance; marks, so that cleaning is a part of it.
texts = st.lists(st.sampled_from(("a", "b", "[^1^]", "<Person>", "</Person>", "[", "```")), max_size=8).map(
    "".join
)


def conversation(*messages: tuple[str, str], turns: int = 0, state: str = "active") -> Conversation:
    read = read_conversation(payload(snapshot(messages, turns, state)))
    assert read is not None
    return read


def told(updates: list[str | None], last: str, *, whole: bool = False) -> tuple[list[str], str, bool]:
    """Return what is told of these updates, then the rest, and whether it was written anew."""
    telling = Telling(PROMPT, whole=whole)
    pieces = [telling.feed(conversation() if text is None else conversation(("a", text))) for text in updates]
    pieces.append(telling.feed(conversation(("q", PROMPT), ("a", last), turns=1)))
    assert telling.complete
    rest, rewritten = telling.close()
    assert telling.told == (rest if rewritten else "".join(pieces) + rest)
    return pieces, rest, rewritten


@given(texts, st.lists(st.integers(0, 60), max_size=6))
def test_text_that_only_grows_is_told_exactly(last: str, cuts: list[int]) -> None:
    grown: list[str | None] = [last[:cut] for cut in sorted(cuts)]
    pieces, rest, rewritten = told(grown, last)
    assert not rewritten
    assert "".join(pieces) + rest == cleaned(last, more=False)


@given(st.lists(texts | st.none(), max_size=8), texts)
def test_whatever_comes_is_told_as_a_beginning_and_at_last_whole(
    updates: list[str | None], last: str
) -> None:
    pieces, rest, rewritten = told(updates, last)
    seen = [cleaned(text, more=False) for text in (*updates, last) if text is not None and text != PROMPT]
    so_far = ""
    for piece in pieces:
        so_far += piece
        assert any(text.startswith(so_far) for text in seen) or not so_far
    whole = cleaned(last, more=False)
    assert rewritten == (not whole.startswith(so_far))
    assert rest == (whole if rewritten else whole[len(so_far) :])


@given(st.lists(texts | st.none(), max_size=8), texts)
def test_who_waits_for_the_end_is_told_the_end_alone(updates: list[str | None], last: str) -> None:
    pieces, rest, rewritten = told(updates, last, whole=True)
    assert (set(pieces), rest, rewritten) == ({""}, cleaned(last, more=False), False)


def test_the_prompt_that_comes_back_is_not_told() -> None:
    assert told([PROMPT, None], "It is.") == (["", "", "It is."], "", False)
    assert told([], PROMPT)[0] == [PROMPT]  # Copilot may well repeat it
    telling = Telling(PROMPT, whole=False)
    assert telling.feed(conversation(("q", f" {PROMPT}\n"), turns=1)) == ""
    assert telling.complete and telling.close() == ("", False)


def test_a_shortened_prompt_is_told_by_its_place() -> None:
    telling = Telling(PROMPT, whole=False)
    telling.feed(conversation(("a", "It")))
    assert telling.feed(conversation(("q", "What is…"), ("a", "It is."), turns=3)) == " is."


def test_two_messages_are_one_answer() -> None:
    telling = Telling(PROMPT, whole=False)
    assert telling.feed(conversation(("a", "One."))) == "One."
    assert telling.feed(conversation(("a", "One."), ("b", "Two."))) == "\n\nTwo."
    assert telling.size == len("One.Two.")


def test_an_answer_under_another_name_at_the_end_replaces_the_updates() -> None:
    telling = Telling(PROMPT, whole=False)
    assert telling.feed(conversation(("draft", "One"))) == "One"
    assert telling.feed(conversation(("q", PROMPT), ("final", "One and two."), turns=1)) == " and two."


def test_sources_are_listed_once_and_only_where_they_are_cited() -> None:
    attributions = [
        {"attributionType": "citation", "providerDisplayName": "Plan", "seeMoreWebUrl": "https://a.example"},
        {"attributionType": "citation", "providerDisplayName": "Plan", "seeMoreWebUrl": "https://a.example"},
        {"attributionType": "annotation", "providerDisplayName": "", "seeMoreWebUrl": "https://b.example"},
        {"attributionType": None, "seeMoreWebUrl": None},
    ]
    references = {
        "@odata.type": "#microsoft.graph.copilotConversationReferenceMap",
        "1": {"targetLink": "https://c.example", "isCitedInResponse": True},
        "2": {"targetLink": "https://d.example", "isCitedInResponse": False},
    }
    event = snapshot([("q", PROMPT), ("a", "Yes.")], 1, attributions=attributions, references=references)
    read = read_conversation(payload(event))
    assert read is not None
    telling = Telling(PROMPT, whole=True)
    telling.feed(read)
    assert telling.close() == (
        "Yes.\n\nSources:\n- [Plan](https://a.example)\n- [https://c.example](https://c.example)",
        False,
    )


def test_a_conversation_that_is_ended_is_taken_note_of() -> None:
    telling = Telling(PROMPT, whole=False)
    telling.feed(conversation(state="disengagedForRai"))
    assert (telling.disengaged, telling.complete) == (True, False)


@pytest.mark.parametrize("form", ["one line", "as it is printed", "crlf"])
def test_both_forms_of_an_event_are_read(form: str) -> None:
    value = {"id": "c", "state": "active", "turnCount": 0, "messages": [{"id": "a", "text": "It\nis."}]}
    text = json.dumps(value, indent=None if form == "one line" else 2)
    event = f"data: {text}\nid:137\n\n".encode()
    if form == "crlf":
        event = event.replace(b"\n", b"\r\n")
    read = read_conversation(payload(event))
    assert read is not None and read.messages is not None
    assert read.messages[0].text == "It\nis."


@pytest.mark.fault("B10")
@pytest.mark.parametrize("data", [b"", b"[]", b"[DONE]", b'{"id": 1}', b'{"messages": [1]}', b"\xff"])
def test_what_is_no_conversation_is_none(data: bytes) -> None:
    assert read_conversation(data) is None


def test_comments_and_names_of_events_are_no_payload() -> None:
    assert payload(b": ping\n\n") == b""
    assert payload(b"event: message\nretry: 5\ndata: {}\nid:1\n\n") == b"{}"
    assert not re.search(rb"\S", payload(b"\n\n"))
